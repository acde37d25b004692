import { UsageError } from '../errors.ts';
import { isKeyedList, keyedFromList, mergeConfig } from './merge.ts';
import {
  emptyMap,
  isClassNode,
  withEntry,
  type ConfigNode,
  type ListNode,
  type MapNode,
  type Origin,
} from './node.ts';

/** One dotted assignment, `trainer.max_epochs = 200`. */
export interface Override {
  readonly path: readonly string[];
  readonly node: ConfigNode;
  /** `+=`: add to the list instead of replacing it. */
  readonly append?: boolean;
}

/** Sections whose keys may be given without `init_args`: `model.hidden_dim`. */
const classSections = new Set(['model', 'data']);

/** Splits `trainer.max_epochs` and refuses what could reach a prototype. */
export function splitKey(key: string, origin: Origin): string[] {
  const path = key.split('.');
  if (path.some((part) => part === '' || part === '__proto__')) {
    const flag = origin.kind === 'cli' ? origin.flag : key;
    throw new UsageError(
      'ERR_CONFIG_KEY',
      `${flag}: not a key. Write dotted names, such as --trainer.max_epochs.`,
    );
  }
  return path;
}

/** Applies overrides in order. @throws UsageError ERR_CONFIG_KEY for a position a list does not have */
export function applyOverrides(root: MapNode, overrides: readonly Override[]): MapNode {
  return overrides.reduce((config, override) => {
    const changed = assign(config, override, 0);
    return changed.kind === 'map' ? changed : config;
  }, root);
}

function assign(node: ConfigNode, override: Override, depth: number): ConfigNode {
  const { path } = override;
  if (depth === path.length) return write(node, override);
  const here = path.slice(0, depth).join('.');
  const key = path[depth];
  if (node.kind === 'list' && /^\d+$/.test(key)) return assignItem(node, override, depth);
  const target = isKeyedList(here) ? keyedFromList(node) : node;
  if (target.kind === 'list') throw notInList(override, here);
  const map = target.kind === 'map' ? target : emptyMap(override.node.origin);
  if (skipsInitArgs(map, here, key)) {
    const full = [...path.slice(0, depth), 'init_args', ...path.slice(depth)];
    return assign(map, { ...override, path: full }, depth);
  }
  const below = map.entries.get(key)?.node ?? emptyMap(override.node.origin);
  return setKey(map, key, assign(below, override, depth + 1), override);
}

function setKey(map: MapNode, key: string, node: ConfigNode, override: Override): MapNode {
  const existing = map.entries.get(key);
  return withEntry(map, key, { origin: existing?.origin ?? override.node.origin, node });
}

function skipsInitArgs(map: MapNode, here: string, key: string): boolean {
  if (key === 'class_path' || key === 'init_args') return false;
  return isClassNode(map) || classSections.has(here);
}

function assignItem(list: ListNode, override: Override, depth: number): ListNode {
  const index = Number(override.path[depth]);
  if (index >= list.items.length)
    throw notInList(override, override.path.slice(0, depth).join('.'));
  const items = list.items.map((item, at) =>
    at === index ? assign(item, override, depth + 1) : item,
  );
  return { ...list, items };
}

function write(below: ConfigNode, override: Override): ConfigNode {
  const { node, path, append } = override;
  if (append === true) return appendTo(below, node, path.join('.'));
  const removable = path.length > 1 && isKeyedList(path.slice(0, -1).join('.'));
  if (removable || node.kind !== 'map' || below.kind !== 'map') return node;
  return mergeConfig(below, node);
}

function appendTo(below: ConfigNode, node: ConfigNode, path: string): ConfigNode {
  const added = node.kind === 'list' ? node.items : [node];
  if (below.kind === 'list') return { ...below, items: [...below.items, ...added] };
  const missing = below.kind === 'map' && below.entries.size === 0;
  if (missing || (below.kind === 'scalar' && below.value === null)) {
    return { kind: 'list', origin: node.origin, items: added };
  }
  if (below.kind === 'map' && isKeyedList(path)) return appendKeyed(below, added);
  const what = below.kind === 'map' ? 'a map' : 'a single value';
  throw new UsageError(
    'ERR_CONFIG_KEY',
    `--${path}+=: there is ${what}, not a list to add to. Replace it with --${path}=...`,
  );
}

function appendKeyed(below: MapNode, added: readonly ConfigNode[]): MapNode {
  const list = keyedFromList({ kind: 'list', origin: below.origin, items: added });
  if (list.kind !== 'map') return below;
  const entries = new Map(below.entries);
  for (const [name, entry] of list.entries) {
    let key = name;
    for (let count = 2; entries.has(key); count++) key = `${name}_${String(count)}`;
    entries.set(key, entry);
  }
  return { ...below, entries };
}

function notInList(override: Override, list: string): UsageError {
  return new UsageError(
    'ERR_CONFIG_KEY',
    `--${override.path.join('.')}: ${list} is a list; address an entry by a position it has, ` +
      `such as --${list}.0.`,
  );
}
