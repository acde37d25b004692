import { isCollection, isScalar, visit, type Document, type Node } from 'yaml';

/** An error of the YAML parser, as far as it is read here. */
export interface SyntaxError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

/** What the parser's codes mean for somebody who edits a configuration. */
const words: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*name) stands alone: write it without & and !',
  BAD_ALIAS: 'expected a name behind * or &; put the text in quotes if it begins with one',
  BAD_COLLECTION_TYPE: 'tags (!name) have no meaning here: write the plain value',
  BAD_DIRECTIVE: 'lines that begin with % have no meaning here: put the text in quotes',
  BAD_DQ_ESCAPE: 'this \\ in double quotes begins nothing known: write \\\\, or use single quotes',
  BAD_INDENT: 'expected the indentation of the keys around it',
  BAD_PROP_ORDER: 'expected the value behind & or !; put the text in quotes if it begins with one',
  BAD_SCALAR_START: 'text that begins with this character must be in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'expected a value of one line, or a line break and deeper indentation behind the colon',
  BLOCK_IN_FLOW: 'expected a comma, or a closing bracket before the next line begins',
  KEY_OVER_1024_CHARS: 'expected a colon behind a shorter key',
  MISSING_CHAR: 'a closing quote, bracket, comma or colon is missing. Close what was opened here; put texts with such characters in quotes',
  MULTILINE_IMPLICIT_KEY: 'expected "key: value" on one line; is a colon or a closing bracket missing?',
  MULTIPLE_ANCHORS: 'expected one & name at most',
  MULTIPLE_DOCS: 'expected one document: write the second one (behind --- or ...) into a file of its own and give --config twice',
  MULTIPLE_TAGS: 'tags (!name) have no meaning here: write the plain value',
  TAB_AS_INDENT: 'expected spaces, found a tab',
  TAG_RESOLVE_FAILED: 'tags (!name) have no meaning here: write the plain value',
  UNEXPECTED_TOKEN: 'this cannot stand here; expected "key: value". Put texts with special characters in quotes',
}; // prettier-ignore

/** Nearer words where the parser's own say which of several things is missing. */
const closer: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/quote/, 'the closing quote is missing'],
  [/end with a [\]}]|must .*end with/, 'the closing bracket is missing'],
  [/followed by map values/, 'expected "key: value": the colon is missing'],
  [/Nested mappings|compact mapp/, 'a second colon in a value: put the text in quotes, or begin a new line behind the first colon'],
  [/trailing content/, 'this cannot stand here; expected "key: value"'],
  [/[Mm]issing , /, 'expected a comma between entries'],
  [/space after|followed by a space/, 'expected a space behind the colon'],
]; // prettier-ignore

/** Errors that are as often the fault of the line before. */
const ofTwoLines = new Set(['BAD_INDENT', 'MULTILINE_IMPLICIT_KEY', 'BLOCK_AS_IMPLICIT_KEY']);

/** The problem in words, with its way out and the line that it is about. */
export function syntaxWords(error: SyntaxError, text: string, at: number): string {
  const [before, line, after] = linesAround(text, at);
  const near = closer.find(([pattern]) => pattern.test(error.message))?.[1];
  const known = Object.hasOwn(words, error.code) ? words[error.code] : undefined;
  const both = /^[\s-]*[^\s:]+: +[^\s#]/.test(line) && indentOf(after) > indentOf(line);
  const said = both
    ? 'a key has either a value or keys below it: remove one of them'
    : (near ?? known ?? error.message);
  const shown = (ofTwoLines.has(error.code) ? [before, line] : [line])
    .map((one) => shorten(one.trim()))
    .filter((one) => one !== '');
  const about = shown.length === 0 ? '' : ` (here: ${shown.join(' | ')})`;
  return `not valid YAML: ${said}${about}`;
}

function shorten(line: string): string {
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/**
 * Where the cause of an error probably is: the parser sees a missing quote or bracket only where
 * the text that it opened ends, often at the end of the file.
 */
export function causeOf(error: SyntaxError, document: Document, text: string): number {
  const [end] = error.pos;
  let cause = end;
  visit(document, {
    Node(_, node) {
      const start = openedAt(node, text);
      if (start === undefined || cause !== end || !text.slice(start, end).includes('\n')) return;
      const last = node.range?.[1] ?? start;
      // Either open until the error, or closed by a quote that was meant to open.
      if (start < end && last >= end - 2 - (text.length - text.trimEnd().length)) cause = start;
    },
  });
  return cause;
}

/** Where a quoted text or a collection in brackets begins. */
function openedAt(node: Node, text: string): number | undefined {
  const start = node.range?.[0];
  if (start === undefined || (!isScalar(node) && !isCollection(node))) return undefined;
  return /["'[{]/.test(text[start]) ? start : undefined;
}

/** The dotted key that the line at `offset` writes, as far as indentation tells; or empty text. */
export function keyAt(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n').length - 1;
  const lines = text.split('\n');
  const path: string[] = [];
  let column = Infinity;
  for (let at = before; at >= 0 && column > 0; at--) {
    const match = /^(?<indent>[\s-]*)(?<key>[\w./-]+|"[^"]*"|'[^']*')\s*:/.exec(lines[at]);
    const indent = match?.groups?.indent.length ?? Infinity;
    if (match?.groups === undefined || indent >= column) continue;
    column = indent;
    path.unshift(match.groups.key);
  }
  return path.join('.');
}

/** The last line with text before the one at `offset`, that one, and the next with text. */
export function linesAround(
  text: string,
  offset: number,
): [before: string, line: string, after: string] {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', start);
  const hasText = (line: string): boolean => line.trim() !== '';
  const before = text.slice(0, start).split('\n').findLast(hasText) ?? '';
  if (end === -1) return [before, text.slice(start), ''];
  return [before, text.slice(start, end), text.slice(end).split('\n').find(hasText) ?? ''];
}
