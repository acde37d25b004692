import { readFileSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import { messageOf } from '../errors.ts';
import type { ConfigNode, Entry, MapNode, Origin } from './node.ts';
import { ConfigError, throwProblems, type ConfigProblem } from './problems.ts';

/** Aliases may repeat a branch; beyond this many values a file is taken for a mistake. */
const maxValues = 100_000;

/**
 * Reads a YAML 1.2 (or JSON) file into a tree that knows the position of every key.
 * @param shown the name used in messages, usually the path as the user typed it
 * @throws ConfigError ERR_CONFIG_NOT_FOUND, ERR_CONFIG_SYNTAX, ERR_CONFIG_DUPLICATE_KEY
 */
export function readYamlFile(path: string, shown = path): MapNode {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason =
      (error as { code?: string }).code === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new ConfigError([
      {
        code: 'ERR_CONFIG_NOT_FOUND',
        origin: { kind: 'default' },
        key: '',
        message: `Cannot read the configuration ${shown}: ${reason}.`,
      },
    ]);
  }
  return parseYaml(text, shown);
}

/** The same for text in hand. An empty text is an empty configuration. */
export function parseYaml(text: string, file: string): MapNode {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    prettyErrors: false,
    uniqueKeys: true,
  });
  const reader = new Reader(document, file, lines);
  throwProblems(document.errors.map((error) => reader.syntaxProblem(error)));
  const root = reader.read(document.contents);
  throwProblems(reader.problems);
  if (root.kind === 'map') return root;
  if (root.kind === 'scalar' && root.value === null) {
    return { kind: 'map', origin: root.origin, entries: new Map() };
  }
  throw new ConfigError([
    {
      code: 'ERR_CONFIG_TYPE',
      origin: root.origin,
      key: '',
      message: 'expected keys such as "trainer:" at the top of the file',
    },
  ]);
}

class Reader {
  readonly problems: ConfigProblem[] = [];
  readonly #document: Document;
  readonly #file: string;
  readonly #lines: LineCounter;
  #values = 0;

  constructor(document: Document, file: string, lines: LineCounter) {
    this.#document = document;
    this.#file = file;
    this.#lines = lines;
  }

  read(node: Node | null, at: number = node?.range?.[0] ?? 0): ConfigNode {
    const origin = this.#origin(node?.range?.[0] ?? at);
    if (++this.#values > maxValues) throw this.#tooLarge(origin);
    if (isAlias(node)) return this.read(node.resolve(this.#document) ?? null, at);
    if (isMap(node)) return this.#readMap(node.items as Pair<Node, Node | null>[], origin);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.read(item as Node | null, at));
      return { kind: 'list', origin, items };
    }
    if (!isScalar(node)) return { kind: 'scalar', origin, value: null };
    const value = node.value as string | number | boolean | null;
    return { kind: 'scalar', origin, value, source: node.source };
  }

  syntaxProblem(error: { code: string; message: string; pos: [number, number] }): ConfigProblem {
    const duplicate = error.code === 'DUPLICATE_KEY';
    return {
      code: duplicate ? 'ERR_CONFIG_DUPLICATE_KEY' : 'ERR_CONFIG_SYNTAX',
      origin: this.#origin(error.pos[0]),
      key: '',
      message: duplicate
        ? 'this key was already given above; a key may stand once in a map'
        : `not valid YAML: ${error.message}`,
    };
  }

  #readMap(items: readonly Pair<Node, Node | null>[], origin: Origin): MapNode {
    const entries = new Map<string, Entry>();
    for (const { key, value } of items) {
      const start = key.range?.[0] ?? 0;
      const keyOrigin = this.#origin(start);
      if (!isScalar(key)) {
        this.#refuse(keyOrigin, '', 'keys must be text');
        continue;
      }
      const name = String(key.source ?? key.value);
      if (name === '__proto__') this.#refuse(keyOrigin, name, 'this key is not allowed');
      else entries.set(name, { origin: keyOrigin, node: this.read(value, start) });
    }
    return { kind: 'map', origin, entries };
  }

  #refuse(origin: Origin, key: string, message: string): void {
    this.problems.push({ code: 'ERR_CONFIG_SYNTAX', origin, key, message });
  }

  #origin(offset: number): Origin {
    const { line, col } = this.#lines.linePos(offset);
    return { kind: 'file', file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  #tooLarge(origin: Origin): ConfigError {
    const message = `the file expands to more than ${String(maxValues)} values (aliases?)`;
    return new ConfigError([{ code: 'ERR_CONFIG_SYNTAX', origin, key: '', message }]);
  }
}
