/** What is wrong with a file before it is looked at as YAML. */
export interface TextProblem {
  readonly offset: number;
  readonly message: string;
}

/** Deeper nesting than this is a mistake: a bracket too many, or an attack on the parser. */
export const maxDepth = 100;

/**
 * The text of a file: UTF-8, without its byte order mark, every kind of line end as `\n`.
 * @returns the text, or what is wrong with the bytes
 */
export function decodeText(bytes: Uint8Array): { text: string; problem?: TextProblem } {
  const utf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16) {
    const message = 'the file is UTF-16; save it as UTF-8';
    return { text: '', problem: { offset: 0, message } };
  }
  const text = new TextDecoder('utf-8').decode(bytes).replace(/\r\n?/g, '\n');
  const offset = text.indexOf('\uFFFD');
  if (offset === -1 || isWritten(bytes)) return { text };
  return { text, problem: { offset, message: 'this is not UTF-8 text; save the file as UTF-8' } };
}

/** True when the replacement character itself stands in the file. */
function isWritten(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The first thing in a text that no parser should get: control characters, endless nesting. */
export function textProblem(text: string): TextProblem | undefined {
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  const control = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/.exec(text);
  if (control !== null) {
    const message = `${codePoint(control[0])} is a control character; remove it, or write it as "\\x.." in double quotes`;
    return { offset: control.index, message };
  }
  const offset = tooDeepAt(text);
  return offset === undefined ? undefined : { offset, message: tooDeep };
}

export const tooDeep = `nested deeper than ${String(maxDepth)} levels; is a bracket missing, or does an alias hold itself?`;

/** `U+200B` */
export function codePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Where brackets open for the hundredth time without closing; `- - -` nests as well. */
function tooDeepAt(text: string): number | undefined {
  let depth = 0;
  for (const { 0: found, index } of text.matchAll(/[[{\]}]|(?:[-?] ){100,}/g)) {
    if (found.length > 1) return index;
    depth = Math.max(0, depth + (found === '[' || found === '{' ? 1 : -1));
    if (depth > maxDepth) return index;
  }
  return undefined;
}
