import type { z } from 'zod';

/** The part of a zod schema that is read here: zod 4's definition, whichever copy made it. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
  readonly getter?: () => z.ZodType;
  readonly shape?: Record<string, z.ZodType>;
  readonly catchall?: z.ZodType;
  readonly element?: z.ZodType;
  readonly items?: readonly z.ZodType[];
  readonly rest?: z.ZodType | null;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly entries?: Record<string, string | number>;
  readonly values?: readonly unknown[];
  readonly defaultValue?: unknown;
}

/** True for schemas of zod 4; older ones have no `_zod`. */
export function isSchema(value: unknown): value is z.ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value;
}

export function definition(schema: z.ZodType): Definition {
  return schema._zod.def;
}

/** `schema` without defaults, optional, nullable and the like: what a written value must be. */
export function unwrap(schema: z.ZodType): z.ZodType {
  const { type, innerType, in: input, out, getter } = definition(schema);
  if (innerType !== undefined) return unwrap(innerType);
  if (type === 'lazy' && getter !== undefined) return unwrap(getter());
  if (type !== 'pipe' || input === undefined || out === undefined) return schema;
  // z.preprocess: what is written reaches a function first, so the second half describes it.
  return definition(input).type === 'transform' ? unwrap(out) : unwrap(input);
}

/** The alternatives of a schema, itself when it has none. */
export function alternatives(schema: z.ZodType): z.ZodType[] {
  const inner = unwrap(schema);
  const { type, options } = definition(inner);
  return type === 'union' && options !== undefined ? options.flatMap(alternatives) : [inner];
}

/** Options of an object schema by name, or undefined for other schemas. */
export function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  return definition(unwrap(schema)).shape;
}

/** The default of a schema; `found` is false when it has none. */
export function defaultOf(schema: z.ZodType): { found: boolean; value?: unknown } {
  const { type, defaultValue, innerType } = definition(schema);
  if (type === 'default' || type === 'prefault') return { found: true, value: defaultValue };
  const transparent = ['readonly', 'nonoptional', 'catch', 'optional', 'nullable'];
  if (innerType !== undefined && transparent.includes(type)) return defaultOf(innerType);
  return { found: false };
}

/** True when text is wanted and a number or truth value would be wrong: then `0001` is text. */
export function wantsText(schema: z.ZodType): boolean {
  const kinds = alternatives(schema).map((option) => textKind(option));
  return kinds.includes('text') && !kinds.includes('other');
}

function textKind(schema: z.ZodType): 'text' | 'other' | 'neutral' {
  const { type, entries, values } = definition(schema);
  if (type === 'string' || type === 'template_literal') return 'text';
  if (type === 'enum') return allText(Object.values(entries ?? {})) ? 'text' : 'other';
  if (type === 'literal') return allText(values ?? []) ? 'text' : 'other';
  return ['array', 'object', 'record', 'tuple', 'null', 'undefined'].includes(type)
    ? 'neutral'
    : 'other';
}

function allText(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}
