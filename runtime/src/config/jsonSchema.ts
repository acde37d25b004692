import { z } from 'zod';
import type { ConstructibleClass } from './loadClass.ts';
import { toSnake } from './names.ts';
import { trainerSection } from './prepare.ts';
import { areaNames, loadArea } from './registry.ts';
import { topLevelSchema } from './topLevel.ts';

type JsonSchema = Record<string, unknown>;

/** Classes that are set in code, so that their options can be offered. */
export interface GivenClasses {
  readonly module?: ConstructibleClass;
  readonly dataModule?: ConstructibleClass;
}

/**
 * The JSON Schema of a configuration, keys in snake_case: what editors complete and check.
 * Classes of the runtime are known with their options, classes of projects by their path alone.
 */
export async function configJsonSchema(given: GivenClasses = {}): Promise<JsonSchema> {
  const classes: Record<string, JsonSchema> = {};
  for (const area of areaNames) classes[area] = await areaSchema(area);
  const top = snakeSchema(topLevelSchema);
  const trainer = snakeSchema(trainerSection);
  const keyed = (area: string): JsonSchema[] => {
    const one = { $ref: `#/$defs/${area}` };
    const entry = { anyOf: [one, { type: 'null' }, { type: 'object' }] };
    return [
      { type: 'array', items: one },
      { type: 'object', additionalProperties: entry },
    ];
  };
  const options = trainer.properties as Record<string, JsonSchema>;
  options.callbacks = { ...options.callbacks, anyOf: keyed('callbacks') };
  const flag = [{ type: 'boolean' }, { type: 'null' }];
  options.logger = { ...options.logger, anyOf: [...flag, ...keyed('loggers')] };
  const sections = top.properties as Record<string, JsonSchema>;
  sections.trainer = trainer;
  sections.model = sectionSchema(given.module, 'The module to train.');
  sections.data = sectionSchema(given.dataModule, 'The data module.', 'data');
  return { ...top, title: 'LightBox configuration', $defs: classes };
}

async function areaSchema(area: string): Promise<JsonSchema> {
  const classes = [...(await loadArea(area))];
  const known = classes.map(([name, type]) => classSchema(`lightbox.${area}.${name}`, type));
  return { anyOf: [...known, projectClass] };
}

/** A class of a project or package: its options are known when it is loaded. */
const projectClass: JsonSchema = {
  type: 'object',
  properties: { class_path: { type: 'string', pattern: '#' }, init_args: { type: 'object' } },
  required: ['class_path'],
  additionalProperties: false,
};

function classSchema(path: string, { schema }: ConstructibleClass): JsonSchema {
  const options = schema === undefined ? { type: 'object' } : snakeSchema(schema);
  return {
    type: 'object',
    description: schema?.description,
    properties: { class_path: { const: path }, init_args: options },
    required: ['class_path'],
    additionalProperties: false,
  };
}

function sectionSchema(
  type: ConstructibleClass | undefined,
  description: string,
  area?: string,
): JsonSchema {
  const named = area === undefined ? projectClass : { $ref: `#/$defs/${area}` };
  if (type?.schema === undefined) return { description, ...named };
  const options = snakeSchema(type.schema);
  // An overlay needs no required keys: the file below it has them.
  return { description, anyOf: [named, { ...options, required: undefined }] };
}

/** `z.toJSONSchema` with keys as they are written in YAML. */
function snakeSchema(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, {
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
