import { z } from 'zod';
import { classChoice, keyedChoice, type JsonSchema, type NamedClass } from './classJsonSchema.ts';
import type { ConstructibleClass } from './loadClass.ts';
import { shortClassName, toSnake } from './names.ts';
import { trainerSection } from './prepare.ts';
import { areaNames, loadArea } from './registry.ts';
import { topLevelSchema } from './topLevel.ts';

/** Classes whose options can be offered beside those of the runtime. */
export interface GivenClasses {
  /** Set in code. */
  readonly module?: ConstructibleClass;
  readonly dataModule?: ConstructibleClass;
  /** Named by a configuration, by class path. */
  readonly classes?: ReadonlyMap<string, ConstructibleClass>;
}

/** Areas whose classes may be named without `lightbox.<area>.`. */
const shortNamed = new Set(['callbacks', 'loggers']);

/**
 * The JSON Schema (draft 7, which every editor knows) of a configuration, keys in snake_case.
 * Classes of the runtime and those given are known with their options, others by their path alone.
 */
export async function configJsonSchema(given: GivenClasses = {}): Promise<JsonSchema> {
  const projects = [...(given.classes ?? [])].filter(([path]) => !path.startsWith('lightbox.'));
  const own = projects.map(([path, type]) => named([path], type));
  const areas: Record<string, readonly NamedClass[]> = {};
  for (const area of areaNames) areas[area] = [...(await areaClasses(area)), ...own];
  const definitions = Object.entries(areas).map(([area, classes]) => [area, classChoice(classes)]);
  const top = withReferences(snakeSchema(topLevelSchema));
  const trainer = withReferences(snakeSchema(trainerSection));
  const options = trainer.properties as Record<string, JsonSchema>;
  options.callbacks = describe(options.callbacks, keyedChoice('callbacks', areas.callbacks));
  const flag = { type: ['boolean', 'null'] };
  const loggers = keyedChoice('loggers', areas.loggers);
  options.logger = describe(options.logger, { anyOf: [flag, loggers] });
  const sections = top.properties as Record<string, JsonSchema>;
  sections.trainer = trainer;
  sections.model = sectionSchema(given.module, 'The module to train.', classChoice(own));
  sections.data = sectionSchema(given.dataModule, 'The data module.', { $ref: '#/$defs/data' });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'LightBox configuration',
    ...top,
    $defs: { reference, ...(Object.fromEntries(definitions) as JsonSchema) },
  };
}

/** What stands for a value that is written elsewhere. */
const reference: JsonSchema = {
  type: 'string',
  pattern: String.raw`^\$\{[^{}]+\}$`,
  description: 'The value at another place, such as ${model.hidden_dim}.',
};

async function areaClasses(area: string): Promise<NamedClass[]> {
  return [...(await loadArea(area))].map(([name, type]) =>
    named([`lightbox.${area}.${name}`, ...(shortNamed.has(area) ? [name] : [])], type),
  );
}

function named(paths: readonly string[], { schema }: ConstructibleClass): NamedClass {
  const options = schema === undefined ? {} : withReferences(snakeSchema(schema));
  return { paths, key: toSnake(shortClassName(paths[0])), options };
}

function describe({ description }: JsonSchema, schema: JsonSchema): JsonSchema {
  return { description, ...schema };
}

function sectionSchema(
  type: ConstructibleClass | undefined,
  description: string,
  choice: JsonSchema,
): JsonSchema {
  // An overlay needs no class: the file below it has one. Without init_args they are meant.
  const overlay: JsonSchema = { type: 'object', properties: { class_path: false } };
  const text = { type: 'string', pattern: '#|^lightbox\\.' };
  if (type?.schema === undefined) return { description, anyOf: [choice, text, overlay] };
  const { required: _required, ...options } = withReferences(snakeSchema(type.schema));
  const args = { type: 'object', properties: { init_args: options }, required: ['init_args'] };
  const wrapped = { ...args, additionalProperties: false };
  return { description, anyOf: [choice, wrapped, options] };
}

/** `z.toJSONSchema` with keys as they are written in YAML. */
function snakeSchema(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'object') renameKeys(jsonSchema);
    },
  }) as JsonSchema;
  delete json.$schema;
  return json;
}

function renameKeys(schema: JsonSchema): void {
  const { properties, required } = schema;
  if (typeof properties !== 'object' || properties === null) return;
  schema.properties = Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [toSnake(name), value as unknown]),
  );
  if (Array.isArray(required)) schema.required = required.map((name) => toSnake(String(name)));
}

/** The same, with `${...}` allowed for every value that could not be such a text anyway. */
function withReferences(schema: JsonSchema): JsonSchema {
  const properties = schema.properties as Record<string, JsonSchema> | undefined;
  if (properties === undefined) return schema;
  const changed = Object.entries(properties).map(([key, value]) => {
    const inner = withReferences(value);
    if (acceptsText(value)) return [key, inner];
    const { description, default: fallback, ...rest } = inner;
    const anyOf = [rest, { $ref: '#/$defs/reference' }];
    return [key, { description, default: fallback, anyOf }];
  });
  return { ...schema, properties: Object.fromEntries(changed) as JsonSchema };
}

function acceptsText(schema: JsonSchema): boolean {
  const { type, anyOf, enum: values } = schema;
  if (Array.isArray(anyOf)) return anyOf.some((option) => acceptsText(option as JsonSchema));
  if (values !== undefined || 'const' in schema) return false;
  const types = Array.isArray(type) ? (type as unknown[]) : [type];
  return type === undefined || types.includes('string');
}
