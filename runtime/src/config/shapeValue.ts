import type { z } from 'zod';
import { didYouMean } from '../errors.ts';
import { toSnake } from './names.ts';
import {
  formatPath,
  isClassNode,
  type ConfigNode,
  type ConfigPath,
  type ListNode,
  type MapNode,
} from './node.ts';
import type { ConfigProblem } from './problems.ts';
import { alternatives, definition, shapeOf, unwrap, wantsText } from './schemaKind.ts';

/** What shaping needs from its surroundings. */
export interface ShapeContext {
  readonly problems: ConfigProblem[];
  /** The object that a `class_path` stands for: a stand-in while checking, the real one later. */
  instance(node: MapNode, path: ConfigPath): unknown;
  /** True while stand-ins are in the place of objects: what is said about those does not count. */
  readonly standIns?: boolean;
  /** Advice for keys of other frameworks that mean nothing here. */
  replacement?(key: string, path: ConfigPath): string | undefined;
}

/**
 * Turns a written value into the one that `schema` reads: snake_case keys of objects become the
 * schema's camelCase ones, keys of records stay, numbers become text where text is wanted.
 * Unknown keys are reported in the context.
 */
export function shapeValue(
  node: ConfigNode,
  schema: z.ZodType | undefined,
  path: ConfigPath,
  context: ShapeContext,
): unknown {
  if (node.kind === 'instance') return node.value;
  if (isClassNode(node) && !describesClass(schema)) return context.instance(node, path);
  if (schema !== undefined && node.source !== undefined && wantsText(schema)) {
    const isNull = node.kind === 'scalar' && node.value === null;
    if (!isNull) return node.source;
  }
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return shapeList(node, schema, path, context);
  return shapeMap(node, schema, path, context);
}

/** True when a schema wants the description of a class instead of the class's object. */
export function describesClass(schema: z.ZodType | undefined): boolean {
  if (schema === undefined) return false;
  return alternatives(schema).some((option) => shapeOf(option)?.classPath !== undefined);
}

function shapeList(
  node: ListNode,
  schema: z.ZodType | undefined,
  path: ConfigPath,
  context: ShapeContext,
): unknown[] {
  const option = schema && alternatives(schema).find((one) => isKind(one, ['array', 'tuple']));
  const { element, items, rest } = option === undefined ? {} : definition(option);
  return node.items.map((item, index) => {
    const inner = element ?? items?.[index] ?? rest ?? undefined;
    return shapeValue(item, inner, [...path, index], context);
  });
}

function shapeMap(
  node: MapNode,
  schema: z.ZodType | undefined,
  path: ConfigPath,
  context: ShapeContext,
): Record<string, unknown> {
  const options = schema === undefined ? [] : alternatives(schema);
  const fitting = options.filter((option) => isKind(option, ['object', 'record']));
  if (fitting.length < 2) return shapeAs(node, fitting.at(0), path, context);
  for (const option of fitting) {
    const problems: ConfigProblem[] = [];
    const value = shapeAs(node, option, path, { ...bind(context), problems });
    if (problems.length === 0 && option.safeParse(value).success) return value;
  }
  return shapeAs(node, closest(node, fitting), path, context);
}

function bind(context: ShapeContext): ShapeContext {
  return {
    problems: context.problems,
    standIns: context.standIns,
    instance: (node, path) => context.instance(node, path),
    replacement: (key, path) => context.replacement?.(key, path),
  };
}

/** The alternative that knows most of the keys. */
function closest(node: MapNode, options: readonly z.ZodType[]): z.ZodType {
  const score = (option: z.ZodType): number => {
    const names = new Set(Object.keys(shapeOf(option) ?? {}).map(toSnake));
    return [...node.entries.keys()].filter((key) => names.has(key)).length;
  };
  return options.reduce((best, option) => (score(option) > score(best) ? option : best));
}

function shapeAs(
  node: MapNode,
  schema: z.ZodType | undefined,
  path: ConfigPath,
  context: ShapeContext,
): Record<string, unknown> {
  const { shape, catchall, valueType } = schema === undefined ? {} : definition(unwrap(schema));
  const names = new Map(Object.keys(shape ?? {}).map((name) => [toSnake(name), name]));
  const closed = shape !== undefined && (catchall === undefined || isKind(catchall, ['never']));
  const value: Record<string, unknown> = {};
  for (const [key, entry] of node.entries) {
    const at = [...path, key];
    const name = names.get(key);
    if (name === undefined && closed) {
      context.problems.push({
        code: 'ERR_CONFIG_UNKNOWN_KEY',
        origin: entry.origin,
        key: formatPath(at),
        message: unknownKey(key, [...names.keys()], context.replacement?.(key, path)),
      });
      continue;
    }
    const inner = name === undefined ? (valueType ?? catchall) : shape?.[name];
    value[name ?? key] = shapeValue(entry.node, inner, at, context);
  }
  return value;
}

/** The words of an unknown key: what replaces it, what it could have meant, or what there is. */
export function unknownKey(key: string, known: readonly string[], replacement?: string): string {
  if (replacement !== undefined) return `this key has no meaning here: ${replacement}`;
  const suggestion = didYouMean(key, known);
  if (suggestion !== '') return `unknown key.${suggestion}`;
  if (known.length === 0) return 'unknown key: there are none here';
  const shown = known.length > 20 ? [...known.slice(0, 20), '...'] : known;
  return `unknown key. Known here: ${shown.join(', ')}`;
}

function isKind(schema: z.ZodType, kinds: readonly string[]): boolean {
  return kinds.includes(definition(schema).type);
}
