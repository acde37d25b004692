import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { messageOf } from '../errors.ts';
import type { MapNode } from './node.ts';
import { ConfigError, throwProblems, type ConfigProblem } from './problems.ts';
import { YamlReader } from './yamlReader.ts';
import { causeOf, keyAt, syntaxWords } from './yamlSyntax.ts';
import { decodeText, textProblem, tooDeep, type TextProblem } from './yamlText.ts';

/** Why a file cannot be read, for the codes that Node gives. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder; name a file in it',
  EACCES: 'its permissions do not allow it',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENAMETOOLONG: 'the name is too long',
};

/**
 * Reads a YAML 1.2 (or JSON) file into a tree that knows the position of every key.
 * @param shown the name used in messages, usually the path as the user typed it
 * @throws ConfigError ERR_CONFIG_NOT_FOUND, ERR_CONFIG_SYNTAX, ERR_CONFIG_DUPLICATE_KEY
 */
export function readYamlFile(path: string, shown = path): MapNode {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code = '' } = error as { code?: string };
    const reason = Object.hasOwn(reasons, code) ? reasons[code] : messageOf(error);
    const message = `Cannot read the configuration ${shown}: ${reason}.`;
    const origin = { kind: 'default' } as const;
    throw new ConfigError([{ code: 'ERR_CONFIG_NOT_FOUND', origin, key: '', message }]);
  }
  const { text, problem } = decodeText(bytes);
  if (problem !== undefined) throw textError(problem, text, shown);
  return parseYaml(text, shown);
}

/** The same for text in hand. An empty text is an empty configuration. */
export function parseYaml(text: string, file: string): MapNode {
  const problem = textProblem(text);
  if (problem !== undefined) throw textError(problem, text, file);
  const lines = new LineCounter();
  const options = { lineCounter: lines, version: '1.2', prettyErrors: false } as const;
  const document = parseDocument(text, { ...options, uniqueKeys: false });
  const reader = new YamlReader(document, { file, text, lines });
  // What follows the first error is mostly its consequence. Warnings are tags that nothing knows.
  const error = [...document.errors, ...document.warnings].at(0);
  if (error !== undefined) {
    const at = causeOf(error, document, text);
    const message = error.message.includes('call stack') ? tooDeep : syntaxWords(error, text, at);
    const origin = reader.originOf(at);
    throwProblems([{ code: 'ERR_CONFIG_SYNTAX', origin, key: keyAt(text, at), message }]);
  }
  const root = reader.read(document.contents);
  throwProblems(reader.problems);
  if (root.kind === 'map') return root;
  if (root.kind === 'scalar' && root.value === null) {
    return { kind: 'map', origin: root.origin, entries: new Map() };
  }
  const got = root.kind === 'list' ? 'a list' : `the text ${text.trim().slice(0, 40)}`;
  const message = `expected keys such as "trainer:" at the top of the file, got ${got}`;
  throw new ConfigError([{ code: 'ERR_CONFIG_TYPE', origin: root.origin, key: '', message }]);
}

function textError({ offset, message }: TextProblem, text: string, file: string): ConfigError {
  const before = text.slice(0, offset).split('\n');
  const column = before[before.length - 1].length + 1;
  const origin = { kind: 'file', file, line: before.length, column } as const;
  const problem: ConfigProblem = {
    code: 'ERR_CONFIG_SYNTAX',
    origin,
    // What is wrong with the line's key must not hide it.
    key: keyAt(text.replace(/[^\P{Cc}\n]/gu, ' '), offset),
    message,
  };
  return new ConfigError([problem]);
}
