import type { z } from 'zod';
import { isPlainObject } from '../core/json.ts';
import { toSnake } from './names.ts';
import {
  defaultOrigin,
  emptyMap,
  fromPlain,
  isClassNode,
  type ConfigNode,
  type Entry,
  type MapNode,
} from './node.ts';
import { alternatives, defaultOf, definition, shapeOf, wantsText } from './schemaKind.ts';
import { describesClass } from './shapeValue.ts';

/** The schema of the class that a node names, if it is known and has one. */
export type SchemaOfClass = (node: MapNode) => z.ZodType | undefined;

/**
 * `node` with the defaults of its schema written out, at every depth, marked as defaults; numbers
 * that the schema reads as text become that text (`0001`).
 */
export function addDefaults(
  node: ConfigNode,
  schema: z.ZodType | undefined,
  schemaOf: SchemaOfClass,
): ConfigNode {
  if (isClassNode(node) && !describesClass(schema)) return addToClass(node, schemaOf);
  if (node.kind === 'list') {
    const element = schema && elementOf(schema);
    return { ...node, items: node.items.map((item) => addDefaults(item, element, schemaOf)) };
  }
  if (node.kind === 'map') return addToMap(node, schema, schemaOf);
  if (node.kind !== 'scalar' || schema === undefined || !wantsText(schema)) return node;
  if (node.source === undefined || node.value === null) return node;
  return { ...node, value: node.source };
}

function addToClass(node: MapNode, schemaOf: SchemaOfClass): MapNode {
  const entry = node.entries.get('init_args');
  const given = entry?.node.kind === 'map' ? entry.node : emptyMap(defaultOrigin);
  const args = addDefaults(given, schemaOf(node), schemaOf);
  if (args.kind === 'map' && args.entries.size === 0) return node;
  const origin = entry?.origin ?? defaultOrigin;
  return { ...node, entries: new Map(node.entries).set('init_args', { origin, node: args }) };
}

function addToMap(node: MapNode, schema: z.ZodType | undefined, schemaOf: SchemaOfClass): MapNode {
  const options = schema === undefined ? [] : alternatives(schema);
  const shapes = options.map(shapeOf).filter((shape) => shape !== undefined);
  const shape = shapes.length === 1 ? shapes[0] : {};
  const values = options.map((option) => definition(option).valueType).find(Boolean);
  const byKey = new Map(Object.entries(shape).map(([name, inner]) => [toSnake(name), inner]));
  const entries = new Map<string, Entry>();
  for (const [key, entry] of node.entries) {
    const inner = addDefaults(entry.node, byKey.get(key) ?? values, schemaOf);
    entries.set(key, { ...entry, node: inner });
  }
  for (const [key, inner] of byKey) {
    const value = entries.has(key) ? undefined : writtenDefault(inner);
    if (value === undefined) continue;
    entries.set(key, { origin: defaultOrigin, node: addDefaults(value, inner, schemaOf) });
  }
  return { ...node, entries };
}

/** The default as it would be written, when it can be: an accepted input of plain data. */
function writtenDefault(schema: z.ZodType): ConfigNode | undefined {
  const { found, value } = defaultOf(schema);
  if (!found || value === undefined || !schema.safeParse(value).success) return undefined;
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  const node = fromPlain(toWritten(value, schema), defaultOrigin);
  return node.kind === 'instance' ? undefined : node;
}

function toWritten(value: unknown, schema: z.ZodType): unknown {
  if (Array.isArray(value)) {
    const element = elementOf(schema);
    return value.map((item: unknown) => (element === undefined ? item : toWritten(item, element)));
  }
  if (!isPlainObject(value)) return value;
  const shape = alternatives(schema).map(shapeOf).find(Boolean);
  if (shape === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      toSnake(name),
      Object.hasOwn(shape, name) ? toWritten(inner, shape[name]) : inner,
    ]),
  );
}

function elementOf(schema: z.ZodType): z.ZodType | undefined {
  return alternatives(schema)
    .map((option) => definition(option).element)
    .find(Boolean);
}
