import { z } from 'zod';
import { alternatives, definition, unwrap } from './schemaKind.ts';

interface Rule {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** What a schema wants, in words for messages and help: `a whole number, at least 1, or null`. */
export function describeSchema(schema: z.ZodType): string {
  const words = alternatives(schema).map(describeOne);
  if (acceptsNull(schema) && !words.includes('null')) words.push('null');
  const unique = [...new Set(words)];
  return unique.length < 2
    ? unique.join('')
    : `${unique.slice(0, -1).join(', ')} or ${unique[unique.length - 1]}`;
}

function describeOne(schema: z.ZodType): string {
  const { type, element, items, valueType } = definition(schema);
  if (type === 'array' && element !== undefined) return `a list of ${plural(element)}`;
  if (type === 'tuple') return `a list of ${String(items?.length ?? 0)} values`;
  if (type === 'record' && valueType !== undefined) return `a map of ${plural(valueType)}`;
  if (type === 'object') return 'a map';
  if (type === 'custom' || type === 'any' || type === 'unknown') {
    return schema.description ?? 'a class (class_path, init_args)';
  }
  return describeRule(toRule(schema));
}

function describeRule(rule: Rule): string {
  if (rule.const !== undefined) return JSON.stringify(rule.const);
  if (rule.enum !== undefined) return rule.enum.map((value) => JSON.stringify(value)).join(', ');
  if (rule.type === 'boolean') return 'true or false';
  if (rule.type === 'null') return 'null';
  if (rule.type === 'string') return rule.minLength === undefined ? 'text' : 'text, not empty';
  if (rule.type === 'integer') return ['a whole number', ...bounds(rule)].join(', ');
  if (rule.type === 'number') return ['a number', ...bounds(rule)].join(', ');
  return 'a value';
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Rule): string[] {
  const known = (value: number | undefined): value is number =>
    value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  return [
    ...(known(exclusiveMinimum) ? [`more than ${String(exclusiveMinimum)}`] : []),
    ...(known(minimum) ? [`at least ${String(minimum)}`] : []),
    ...(known(exclusiveMaximum) ? [`less than ${String(exclusiveMaximum)}`] : []),
    ...(known(maximum) ? [`at most ${String(maximum)}`] : []),
  ];
}

function plural(schema: z.ZodType): string {
  const { type } = definition(unwrap(schema));
  const names: Record<string, string> = {
    string: 'texts',
    number: 'numbers',
    boolean: 'truth values',
    object: 'maps',
    custom: 'classes',
  };
  return names[type] ?? 'values';
}

function acceptsNull(schema: z.ZodType): boolean {
  const { type, innerType } = definition(schema);
  if (type === 'nullable') return true;
  return innerType !== undefined && acceptsNull(innerType);
}

function toRule(schema: z.ZodType): Rule {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Rule;
}
