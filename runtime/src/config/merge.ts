import { classKey } from './names.ts';
import { isClassNode, nodeAt, textAt, type ConfigNode, type Entry, type MapNode } from './node.ts';

/** Lists that an overlay may address by key: entry `early_stopping` is the EarlyStopping in it. */
const keyedLists = new Set(['trainer.callbacks', 'trainer.logger']);

/**
 * Lays `over` on `base`: maps are merged deep, everything else is replaced. In the callbacks and
 * loggers a map over a list changes single entries, and `null` removes one. A changed
 * `class_path` that brings its own `init_args` starts those afresh.
 */
export function mergeConfig(base: MapNode, over: MapNode): MapNode {
  return mergeMaps(base, over, '');
}

/** True where `path` is a list that may be written as a map. */
export function isKeyedList(path: string): boolean {
  return keyedLists.has(path);
}

/** A list of classes as a map under the snake_case names of the classes (`_2` for a second one). */
export function keyedFromList(node: ConfigNode): ConfigNode {
  if (node.kind !== 'list') return node;
  const entries = new Map<string, Entry>();
  for (const item of node.items) {
    const name = classKey(classPathOf(item));
    let key = name;
    for (let count = 2; entries.has(key); count++) key = `${name}_${String(count)}`;
    entries.set(key, { origin: item.origin, node: item });
  }
  return { kind: 'map', origin: node.origin, entries };
}

function mergeMaps(base: MapNode, over: MapNode, path: string): MapNode {
  const entries = new Map(base.entries);
  const fresh = replacesClass(base, over);
  for (const [key, entry] of over.entries) {
    const inner = path === '' ? key : `${path}.${key}`;
    const below = fresh && key === 'init_args' ? undefined : entries.get(key)?.node;
    const removed = isKeyedList(path) && isNull(entry.node);
    if (removed) entries.delete(key);
    else entries.set(key, { ...entry, node: mergeNodes(below, entry.node, inner) });
  }
  return { ...over, entries };
}

function mergeNodes(base: ConfigNode | undefined, over: ConfigNode, path: string): ConfigNode {
  if (over.kind !== 'map') return over;
  const below = isKeyedList(path) && base !== undefined ? keyed(base, over) : base;
  if (below?.kind !== 'map') return over;
  // One class laid over a map of several, or the other way round, is another thing altogether.
  if (isKeyedList(path) && isClassNode(below) !== isClassNode(over)) return over;
  return mergeMaps(below, over, path);
}

function keyed(base: ConfigNode, over: MapNode): ConfigNode {
  if (isClassNode(over)) return base;
  if (!isClassNode(base)) return keyedFromList(base);
  return keyedFromList({ kind: 'list', origin: base.origin, items: [base] });
}

function replacesClass(base: MapNode, over: MapNode): boolean {
  const next = textAt(over, 'class_path');
  return next !== undefined && next !== textAt(base, 'class_path') && over.entries.has('init_args');
}

function classPathOf(node: ConfigNode): string {
  if (node.kind === 'scalar') return String(node.value);
  if (node.kind === 'instance') return node.value.constructor.name;
  const path = nodeAt(node, ['class_path']);
  return path?.kind === 'scalar' ? String(path.value) : 'entry';
}

function isNull(node: ConfigNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}
