import type { GraphNode } from './graphNode.ts';

/**
 * The attributes as text. Unlike JSON it keeps NaN, infinities and the sign of zero apart,
 * since graphs with different constants must not share a session.
 */
export function attributeKey(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(attributeKey).join()}]`;
  if (typeof value === 'object' && value !== null) {
    let text = '{';
    for (const [name, item] of Object.entries(value)) {
      if (item !== undefined) text += `${name}:${attributeKey(item)},`;
    }
    return `${text}}`;
  }
  return JSON.stringify(value) ?? 'undefined';
}

/** Kernel and attributes of a node: what it does, not on what. */
export function operationKey(node: GraphNode): string {
  return node.lowering.kernel + attributeKey(node.attrs);
}
