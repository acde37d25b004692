import type { z } from 'zod';
import { didYouMean } from '../errors.ts';
import { describeSchema } from './describeSchema.ts';
import { toSnake } from './names.ts';
import { formatPath, isClassNode, type ConfigNode, type ConfigPath } from './node.ts';
import type { ConfigProblem } from './problems.ts';
import { alternatives, definition, shapeOf } from './schemaKind.ts';
import { describesClass, shapeValue, type ShapeContext } from './shapeValue.ts';

/**
 * Shapes `node` for `schema` and validates it; every problem goes to the context with the
 * position of the value it is about.
 * @returns the parsed value with defaults filled in, or undefined when something is wrong
 */
export function checkValue(
  node: ConfigNode,
  schema: z.ZodType,
  path: ConfigPath,
  context: ShapeContext,
): unknown {
  const before = context.problems.length;
  const shaped = shapeValue(node, schema, path, context);
  const result = parse(schema, shaped, context.standIns === true);
  if (result === undefined) return undefined;
  if (!result.success) {
    for (const issue of result.error.issues.flatMap(expand)) {
      const problem = toProblem(issue, { node, schema, path, value: shaped }, context);
      if (problem !== undefined) context.problems.push(problem);
    }
  }
  return context.problems.length === before ? result.data : undefined;
}

function parse(schema: z.ZodType, value: unknown, standIns: boolean) {
  try {
    return schema.safeParse(value);
  } catch (error) {
    // A check of the class's own that looked into a stand-in; it runs again on the real object.
    if (standIns) return undefined;
    throw error;
  }
}

/** The problems inside the alternative of a union that came closest, instead of "no match". */
function expand(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inner = issue.errors.filter((list) => list.every(({ path }) => path.length > 0));
  const best = inner.toSorted((a, b) => a.length - b.length).at(0);
  if (best === undefined) return [issue];
  return best.flatMap((one) => expand({ ...one, path: [...issue.path, ...one.path] }));
}

interface Place {
  readonly node: ConfigNode | undefined;
  readonly schema: z.ZodType | undefined;
  readonly path: ConfigPath;
  readonly value: unknown;
}

type Issue = z.core.$ZodIssue;

function toProblem(
  issue: Issue,
  root: Place & { node: ConfigNode },
  context: ShapeContext,
): ConfigProblem | undefined {
  // Unknown keys were found while shaping, with better words.
  if (issue.code === 'unrecognized_keys') return undefined;
  let place: Place = root;
  let last: ConfigNode = root.node;
  for (const part of issue.path) {
    place = descend(place, part);
    last = place.node ?? last;
  }
  if (context.standIns === true && place.node !== undefined && holdsClass(place.node)) {
    return undefined;
  }
  const key = formatPath(place.path);
  const missing = place.node === undefined && issue.code !== 'custom';
  if (missing && place.value === undefined) {
    const expected = place.schema === undefined ? '' : `: expected ${describeSchema(place.schema)}`;
    const message = `this key is required${expected}`;
    return { code: 'ERR_CONFIG_MISSING_KEY', origin: last.origin, key, message };
  }
  return { code: 'ERR_CONFIG_TYPE', origin: last.origin, key, message: words(issue, place) };
}

function holdsClass(node: ConfigNode): boolean {
  if (node.kind === 'list') return node.items.some(holdsClass);
  if (node.kind !== 'map') return false;
  return isClassNode(node) || [...node.entries.values()].some((entry) => holdsClass(entry.node));
}

function words(issue: Issue, { schema, value, node }: Place): string {
  // zod's own words for a check that has none.
  const wordless = issue.message === 'Invalid input';
  if (schema === undefined || (issue.code === 'custom' && !wordless)) return issue.message;
  const got = isClassNode(node) ? 'an object of another class' : describeGot(value);
  const expected = describeSchema(schema);
  const rule = definition(schema).type === 'string' || issue.code === 'invalid_format';
  if (rule && typeof value === 'string') return `${issue.message}, got ${got}`;
  return `expected ${expected}, got ${got}${hint(schema, value)}`;
}

function hint(schema: z.ZodType, value: unknown): string {
  if (typeof value === 'string') {
    const choices = alternatives(schema).flatMap((option) => {
      const { entries, values } = definition(option);
      return [...Object.values(entries ?? {}), ...(values ?? [])].map(String);
    });
    const near = didYouMean(value, choices);
    if (near !== '') return `.${near}`;
  }
  const boolean = alternatives(schema).some((option) => definition(option).type === 'boolean');
  if (boolean && typeof value === 'string' && /^(yes|no|on|off|y|n)$/i.test(value)) {
    return ' (YAML 1.2 has true and false only)';
  }
  return '';
}

function describeGot(value: unknown): string {
  // JSON has no infinities.
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return typeof value;
  if (Array.isArray(value)) return `the list ${shorten(text)}`;
  if (typeof value === 'object' && value !== null) return `the map ${shorten(text)}`;
  return shorten(text);
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function descend({ node, schema, path, value }: Place, part: PropertyKey): Place {
  const name = String(part);
  const inner =
    typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)[name]
      : undefined;
  const option = schema && pick(schema, name);
  if (node?.kind === 'list') {
    return { node: node.items[Number(name)], schema: option, path: [...path, name], value: inner };
  }
  const isOption = schema !== undefined && pickShape(schema, name) !== undefined;
  const key = isOption ? toSnake(name) : name;
  const below = node?.kind === 'map' ? node.entries.get(key)?.node : undefined;
  const under = isClassNode(node) && !describesClass(schema) ? undefined : below;
  return { node: under, schema: option, path: [...path, key], value: inner };
}

function pickShape(schema: z.ZodType, name: string): z.ZodType | undefined {
  for (const option of alternatives(schema)) {
    const shape = shapeOf(option);
    if (shape !== undefined && Object.hasOwn(shape, name)) return shape[name];
  }
  return undefined;
}

function pick(schema: z.ZodType, name: string): z.ZodType | undefined {
  const fromShape = pickShape(schema, name);
  if (fromShape !== undefined) return fromShape;
  for (const option of alternatives(schema)) {
    const { element, items, valueType } = definition(option);
    const inner = element ?? items?.[Number(name)] ?? valueType;
    if (inner !== undefined) return inner;
  }
  return undefined;
}
