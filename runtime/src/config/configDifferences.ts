import { formatOrigin, toPlain, type ConfigNode, type MapNode, type Origin } from './node.ts';

interface Leaf {
  readonly text: string;
  readonly origin: Origin;
}

/** Keys that differ between two runs without changing what they compute. */
const ignored = new Set(['ckpt_path', 'provenance']);

/** `trainer.max_epochs: 3 -> 5 (configs/a.yaml:8:15)`, one line for each value that differs. */
export function configDifferences(before: MapNode, after: MapNode): string[] {
  const [old, now] = [leaves(before), leaves(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  return keys.flatMap((key) => {
    const [was, is] = [old.get(key), now.get(key)];
    if (was?.text === is?.text) return [];
    // A default that appeared with a new version changes nothing that anybody wrote.
    if (was === undefined && is?.origin.kind === 'default') return [];
    const origin = is === undefined ? '' : ` (${formatOrigin(is.origin)})`;
    return [`${key}: ${was?.text ?? 'not there'} -> ${is?.text ?? 'gone'}${origin}`];
  });
}

function leaves(tree: MapNode): Map<string, Leaf> {
  const found = new Map<string, Leaf>();
  const walk = (node: ConfigNode, path: string): void => {
    if (node.kind === 'map' && node.entries.size > 0) {
      for (const [key, entry] of node.entries) {
        if (path !== '' || !ignored.has(key))
          walk(entry.node, path === '' ? key : `${path}.${key}`);
      }
    } else if (node.kind === 'list' && node.items.some(({ kind }) => kind === 'map')) {
      node.items.forEach((item, index) => {
        walk(item, `${path}.${String(index)}`);
      });
    } else if (node.kind !== 'instance') {
      found.set(path, { text: JSON.stringify(toPlain(node)), origin: node.origin });
    }
  };
  walk(tree, '');
  return found;
}
