import { deepFreeze, isPlainObject, type Json, type JsonObject } from '../core/json.ts';
import { UsageError } from '../errors.ts';

/** Where a value of the configuration was written. */
export type Origin =
  | { readonly kind: 'default' }
  | {
      readonly kind: 'file';
      readonly file: string;
      readonly line: number;
      readonly column: number;
    }
  | { readonly kind: 'checkpoint'; readonly file: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'cli'; readonly flag: string }
  | { readonly kind: 'code' };

/** A value with its origin. Trees of these are never changed in place: edits return new trees. */
export type ConfigNode = MapNode | ListNode | ScalarNode | InstanceNode;

export interface MapNode {
  readonly kind: 'map';
  readonly origin: Origin;
  readonly entries: ReadonlyMap<string, Entry>;
  /** The text of a flag, kept in case the schema wants text. */
  readonly source?: string;
}

/** A key with its own position: unknown keys are reported there, wrong values at the value. */
export interface Entry {
  readonly origin: Origin;
  readonly node: ConfigNode;
}

export interface ListNode {
  readonly kind: 'list';
  readonly origin: Origin;
  readonly items: readonly ConfigNode[];
  readonly source?: string;
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly origin: Origin;
  readonly value: string | number | boolean | null;
  /** As written without quotes, for schemas that want text: `0001`. */
  readonly source?: string;
}

/** An object handed over in code, such as a ready-made callback. */
export interface InstanceNode {
  readonly kind: 'instance';
  readonly origin: Origin;
  readonly value: object;
}

/** Keys of a path from the root; list positions are numbers. */
export type ConfigPath = readonly (string | number)[];

export const defaultOrigin: Origin = { kind: 'default' };

/** `configs/a.yaml:3:5`, `--trainer.max_epochs`, ... */
export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'file':
      return `${origin.file}:${String(origin.line)}:${String(origin.column)}`;
    case 'checkpoint':
      return `checkpoint ${origin.file}`;
    case 'environment':
      return `environment variable ${origin.name}`;
    case 'cli':
      return origin.flag;
    case 'code':
      return 'given in code';
    case 'default':
      return 'default';
  }
}

/** `trainer.callbacks.0.init_args.monitor` */
export function formatPath(path: ConfigPath): string {
  return path.map(String).join('.');
}

export function emptyMap(origin: Origin): MapNode {
  return { kind: 'map', origin, entries: new Map() };
}

/** A tree of plain data, all of one origin. Class instances are kept as they are. */
export function fromPlain(value: unknown, origin: Origin): ConfigNode {
  if (value === null || value === undefined) return { kind: 'scalar', origin, value: null };
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return { kind: 'scalar', origin, value };
  }
  if (Array.isArray(value)) {
    return { kind: 'list', origin, items: value.map((item) => fromPlain(item, origin)) };
  }
  if (isPlainObject(value)) {
    refuseProto(value, origin);
    const entries = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]): [string, Entry] => [key, { origin, node: fromPlain(inner, origin) }]);
    return { kind: 'map', origin, entries: new Map(entries) };
  }
  return { kind: 'instance', origin, value };
}

function refuseProto(value: object, origin: Origin): void {
  if (!Object.hasOwn(value, '__proto__')) return;
  const message = `${formatOrigin(origin)}: the key "__proto__" is not allowed.`;
  throw new UsageError('ERR_CONFIG_SYNTAX', message);
}

/** The plain data of a tree, deeply frozen. Instances given in code are left out. */
export function toPlain(node: ConfigNode): Json {
  return deepFreeze(plain(node));
}

function plain(node: ConfigNode): Json {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'instance') return null;
  if (node.kind === 'list') return node.items.filter(isData).map(plain);
  const result: JsonObject = {};
  for (const [key, { node: inner }] of node.entries) {
    if (isData(inner)) result[key] = plain(inner);
  }
  return result;
}

function isData(node: ConfigNode): boolean {
  return node.kind !== 'instance';
}

/** The node at `path`, or undefined. */
export function nodeAt(root: ConfigNode, path: ConfigPath): ConfigNode | undefined {
  let node: ConfigNode | undefined = root;
  for (const key of path) {
    if (node?.kind === 'map') node = node.entries.get(String(key))?.node;
    else if (node?.kind === 'list') node = node.items[Number(key)];
    else return undefined;
  }
  return node;
}

/** `node` without what is a default, and without maps that only hold such; undefined when all is. */
export function withoutDefaults(node: ConfigNode): ConfigNode | undefined {
  if (node.kind !== 'map' || node.entries.size === 0) {
    return node.origin.kind === 'default' ? undefined : node;
  }
  const entries = [...node.entries].flatMap(([key, entry]): [string, Entry][] => {
    const inner = withoutDefaults(entry.node);
    return inner === undefined ? [] : [[key, { ...entry, node: inner }]];
  });
  return entries.length === 0 ? undefined : { ...node, entries: new Map(entries) };
}

/** The value of a scalar entry when it is text. */
export function textAt(node: ConfigNode, key: string): string | undefined {
  const inner = nodeAt(node, [key]);
  return inner?.kind === 'scalar' && typeof inner.value === 'string' ? inner.value : undefined;
}

/** A copy of `map` with one entry set. */
export function withEntry(map: MapNode, key: string, entry: Entry): MapNode {
  return { ...map, entries: new Map(map.entries).set(key, entry) };
}

/** A copy of `map` without `key`. */
export function withoutEntry(map: MapNode, key: string): MapNode {
  const entries = new Map(map.entries);
  entries.delete(key);
  return { ...map, entries };
}

declare const namesClass: unique symbol;

/** A map with a `class_path`. The mark exists for the compiler only: "not this" is still a map. */
export interface ClassNode extends MapNode {
  readonly [namesClass]: true;
}

/** True for `{class_path, init_args}`. */
export function isClassNode(node: ConfigNode | undefined): node is ClassNode {
  return node?.kind === 'map' && node.entries.has('class_path');
}
