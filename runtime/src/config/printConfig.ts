import { Document, isMap, isScalar, isSeq, Scalar, visit } from 'yaml';
import type { Node } from 'yaml';
import { isSecretName } from '../core/secrets.ts';
import { formatOrigin, nodeAt, toPlain, type ConfigNode, type MapNode } from './node.ts';
import { escapeReferences } from './references.ts';

/** `provenance`: where each value comes from; `defaults`: mark defaults only. */
export type PrintDetail = 'defaults' | 'provenance';

/**
 * A configuration as YAML that can be loaded again. Secrets of the environment section are left
 * out, with a comment.
 */
export function printConfig(tree: MapNode, detail: PrintDetail = 'defaults'): string {
  const document = new Document(toPlain(escapeReferences(tree)), { version: '1.2' });
  annotate(document.contents, tree, detail);
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  return text === 'null\n' ? '' : text;
}

/** Dotted path -> where the value comes from, for everything that is not a default. */
export function provenance(tree: MapNode): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (node: ConfigNode, path: string): void => {
    if (node.kind === 'map' && node.entries.size > 0) {
      for (const [key, entry] of node.entries)
        walk(entry.node, path === '' ? key : `${path}.${key}`);
    } else if (node.kind === 'list' && node.items.length > 0) {
      node.items.forEach((item, index) => {
        walk(item, `${path}.${String(index)}`);
      });
    } else if (node.kind !== 'instance' && node.origin.kind !== 'default') {
      found[path] = formatOrigin(node.origin);
    }
  };
  walk(tree, '');
  return found;
}

function annotate(yaml: Node | null, tree: MapNode, detail: PrintDetail): void {
  if (yaml === null) return;
  visit(yaml, {
    Pair(_, pair, parents) {
      const path = [...keysOf(parents), keyText(pair.key)];
      if (path[0] === 'environment' && path.length === 2 && isSecretName(String(path[1]))) {
        return visit.REMOVE;
      }
      const value = pair.value as Node | null;
      const origin = nodeAt(tree, path)?.origin;
      if (origin === undefined || value === null) return undefined;
      const leaf = isScalar(value) || isEmpty(value);
      if (leaf && (detail === 'provenance' || origin.kind === 'default')) {
        value.comment = ` ${formatOrigin(origin)}`;
      }
      if (isSeq(value) && value.items.every((item) => isScalar(item))) value.flow = true;
      return undefined;
    },
  });
}

function keysOf(parents: readonly unknown[]): (string | number)[] {
  const path: (string | number)[] = [];
  parents.forEach((parent, index) => {
    const next = parents.at(index + 1);
    if (isSeq(parent) && next !== undefined) path.push(parent.items.indexOf(next));
    else if (isPair(parent) && next !== undefined) path.push(keyText(parent.key));
  });
  return path;
}

function isPair(value: unknown): value is { key: unknown } {
  return typeof value === 'object' && value !== null && 'key' in value && !isMap(value);
}

function keyText(key: unknown): string {
  return key instanceof Scalar ? String(key.value) : String(key);
}

function isEmpty(node: Node): boolean {
  return (isMap(node) || isSeq(node)) && node.items.length === 0;
}
