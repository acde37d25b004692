import { nearest } from '../errors.ts';
import { keyedFromList } from './merge.ts';
import {
  isClassNode,
  type ConfigNode,
  type ConfigPath,
  type MapNode,
  type InstanceNode,
  type Origin,
} from './node.ts';
import type { ConfigProblem } from './problems.ts';
import { formatPath } from './node.ts';

/** One entry of `trainer.callbacks` or `trainer.logger`. */
export interface KeyedClass {
  readonly key: string;
  readonly path: ConfigPath;
  readonly node: MapNode | InstanceNode;
}

/**
 * The classes of a list, of a keyed map, or a single one; text stands for a class without
 * arguments, null entries are left out.
 */
export function keyedClasses(
  node: ConfigNode,
  path: ConfigPath,
  problems: ConfigProblem[],
): KeyedClass[] {
  const list: ConfigNode =
    node.kind === 'list' || (node.kind === 'map' && !isClassNode(node))
      ? node
      : { kind: 'list', origin: node.origin, items: [node] };
  const keyed = keyedFromList(list);
  if (keyed.kind !== 'map') return [];
  const single = list !== node;
  return [...keyed.entries].flatMap(([key, { node: inner }], index) => {
    const at = single ? path : [...path, node.kind === 'list' ? index : key];
    if (inner.kind === 'scalar' && inner.value === null) return [];
    const entry = toClass(inner);
    if (entry !== undefined) return [{ key, path: at, node: entry }];
    const mistyped = inner.kind === 'map' ? mistypedClassPath(inner) : undefined;
    if (mistyped !== undefined) {
      const [name, origin] = mistyped;
      const message = 'unknown key. Did you mean "class_path"?';
      const code = 'ERR_CONFIG_UNKNOWN_KEY';
      problems.push({ code, origin, key: formatPath([...at, name]), message });
      return [];
    }
    problems.push({
      code: 'ERR_CONFIG_TYPE',
      origin: inner.origin,
      key: formatPath(at),
      message:
        'expected a class: class_path, and init_args when it has options' +
        (inner.kind === 'map' ? ` (this key names no class that is defined before)` : ''),
    });
    return [];
  });
}

/** The key that was probably meant to be `class_path`, in a map that has none. */
export function mistypedClassPath(node: MapNode): [key: string, origin: Origin] | undefined {
  const found = nearest('class_path', node.entries.keys());
  const entry = found === undefined ? undefined : node.entries.get(found);
  return found === undefined || entry === undefined ? undefined : [found, entry.origin];
}

function toClass(node: ConfigNode): MapNode | InstanceNode | undefined {
  if (node.kind === 'instance' || isClassNode(node)) return node;
  if (node.kind !== 'scalar' || typeof node.value !== 'string') return undefined;
  const entry = { origin: node.origin, node };
  return { kind: 'map', origin: node.origin, entries: new Map([['class_path', entry]]) };
}
