import { isAlias, isMap, isScalar, isSeq, visit } from 'yaml';
import type { Alias, Document, LineCounter, Node, Pair, Scalar } from 'yaml';
import {
  formatPath,
  type ConfigNode,
  type ConfigPath,
  type Entry,
  type MapNode,
  type Origin,
} from './node.ts';
import { ConfigError, type ConfigProblem } from './problems.ts';
import { linesAround } from './yamlSyntax.ts';
import { codePoint, maxDepth, tooDeep } from './yamlText.ts';

/** Aliases may repeat a branch; beyond this many values a file is taken for a mistake. */
const maxValues = 100_000;

/** Characters that a key seems not to have: it looks right and is unknown. */
const invisible = /[\p{C}\u00A0\u2000-\u200F\u2028\u2029\u202F\u3000]/u;

/** Turns a parsed document into a tree with positions; what it refuses is in `problems`. */
export class YamlReader {
  readonly problems: ConfigProblem[] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #targets: ReadonlyMap<Alias, Node>;
  #values = 0;

  /** @param source the file's name for messages, its text and line starts */
  constructor(
    document: Document,
    source: { readonly file: string; readonly text: string; readonly lines: LineCounter },
  ) {
    this.#file = source.file;
    this.#text = source.text;
    this.#lines = source.lines;
    this.#targets = aliasTargets(document);
  }

  read(node: Node | null, path: ConfigPath = [], at: number = node?.range?.[0] ?? 0): ConfigNode {
    const origin = this.originOf(node?.range?.[0] ?? at);
    if (path.length > maxDepth) throw this.#stop(origin, path, tooDeep);
    if (++this.#values > maxValues) {
      const message = `the file expands to more than ${String(maxValues)} values; are there aliases (*name) of aliases? Leave them out`;
      throw this.#stop(origin, path, message);
    }
    if (isAlias(node)) return this.read(this.#target(node, origin, path), path, at);
    if (isMap(node)) return this.#readMap(node.items as Pair<Node, Node | null>[], origin, path);
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.read(item as Node, [...path, index], at));
      return { kind: 'list', origin, items };
    }
    if (!isScalar(node)) return { kind: 'scalar', origin, value: null };
    const value = node.value as string | number | boolean | null;
    return { kind: 'scalar', origin, value, source: node.source };
  }

  originOf(offset: number): Origin {
    const { line, col } = this.#lines.linePos(offset);
    return { kind: 'file', file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  #target(alias: Alias, origin: Origin, path: ConfigPath): Node {
    const found = this.#targets.get(alias);
    if (found === undefined) {
      const message = `*${alias.source}: there is no &${alias.source} above; put text that begins with * in quotes`;
      throw this.#stop(origin, path, message);
    }
    // An alias of what it is part of would be read for ever.
    const { range } = found;
    const at = alias.range?.[0] ?? 0;
    if (range && at >= range[0] && at < range[1]) {
      throw this.#stop(origin, path, 'an alias (*name) cannot be inside what it stands for');
    }
    return found;
  }

  #readMap(items: readonly Pair<Node, Node | null>[], origin: Origin, path: ConfigPath): MapNode {
    const entries = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const { key, value } of items) {
      const start = key.range?.[0] ?? 0;
      const keyOrigin = this.originOf(start);
      if (!isScalar(key)) {
        const [, line] = linesAround(this.#text, start);
        this.#refuse(
          keyOrigin,
          path,
          `keys must be text; put quotes around this one: ${line.trim()}`,
        );
        continue;
      }
      const name = String(key.source ?? key.value);
      const at = [...path, name];
      if (isMergeKey(key)) this.#merge(value, merged, path);
      else if (this.#allowed(name, keyOrigin, at, entries)) {
        entries.set(name, { origin: keyOrigin, node: this.read(value, at, start) });
      }
    }
    // What is written beside a merge key is stronger, wherever it stands.
    return { kind: 'map', origin, entries: new Map([...merged, ...entries]) };
  }

  #merge(value: Node | null, into: Map<string, Entry>, path: ConfigPath): void {
    const read = this.read(value, [...path, '<<']);
    const maps = read.kind === 'list' ? read.items : [read];
    for (const map of maps.toReversed()) {
      if (map.kind === 'map') for (const [key, entry] of map.entries) into.set(key, entry);
      else
        this.#refuse(
          map.origin,
          [...path, '<<'],
          'expected a map, an alias of one, or a list of such',
        );
    }
  }

  #allowed(
    name: string,
    origin: Origin,
    path: ConfigPath,
    known: ReadonlyMap<string, Entry>,
  ): boolean {
    const hidden = invisible.exec(name);
    const before = known.get(name);
    if (name === '__proto__') {
      this.#refuse(origin, path, 'this key is not allowed; give it another name');
    } else if (hidden !== null) {
      const message = `the key ${JSON.stringify(name)} holds ${codePoint(hidden[0])}, which cannot be seen; write the key anew`;
      this.#refuse(origin, path, message);
    } else if (before !== undefined) {
      const line = before.origin.kind === 'file' ? ` in line ${String(before.origin.line)}` : '';
      const message = `this key was already given${line}; a key may stand once in a map`;
      this.problems.push({
        code: 'ERR_CONFIG_DUPLICATE_KEY',
        origin,
        key: formatPath(path),
        message,
      });
    } else return true;
    return false;
  }

  #refuse(origin: Origin, path: ConfigPath, message: string): void {
    this.problems.push({ code: 'ERR_CONFIG_SYNTAX', origin, key: formatPath(path), message });
  }

  #stop(origin: Origin, path: ConfigPath, message: string): ConfigError {
    const key = formatPath(path.slice(0, 8));
    return new ConfigError([{ code: 'ERR_CONFIG_SYNTAX', origin, key, message }]);
  }
}

/** What each alias stands for: the nearest anchor of that name before it. */
function aliasTargets(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Alias(_, alias) {
      const target = anchors.get(alias.source);
      if (target !== undefined) targets.set(alias, target);
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** A plain `<<`: in quotes it is a key like any other. */
function isMergeKey(key: Scalar): boolean {
  return key.value === '<<' && key.type === 'PLAIN';
}
