export type JsonSchema = Record<string, unknown>;

/** A class as the JSON Schema knows it. */
export interface NamedClass {
  /** Class paths that name it. */
  readonly paths: readonly string[];
  /** Its key in a map of callbacks or loggers. */
  readonly key: string;
  /** Schema of its `init_args`. */
  readonly options: JsonSchema;
}

/** A class path of a project or package: its options are known when it is loaded. */
const projectPath: JsonSchema = { type: 'string', pattern: '#' };

/**
 * `{class_path, init_args}` of one of `classes` or of any class of a project. The options hang on
 * the class path by `if` and `then`, so that an editor complains about them alone.
 */
export function classChoice(classes: readonly NamedClass[]): JsonSchema {
  const known = classes.filter(({ options }) => Object.keys(options).length > 0);
  return {
    type: 'object',
    properties: { class_path: pathChoice(classes), init_args: { type: ['object', 'null'] } },
    required: ['class_path'],
    additionalProperties: false,
    ...(known.length === 0 ? {} : { allOf: known.map(optionsByPath) }),
  };
}

function optionsByPath({ paths, options }: NamedClass): JsonSchema {
  const required = options.required === undefined ? {} : { required: ['init_args'] };
  return {
    if: { properties: { class_path: { enum: paths } }, required: ['class_path'] },
    then: { properties: { init_args: options }, ...required },
  };
}

/** A list of classes, a single one, or a map of them by key, where an overlay may be partial. */
export function keyedChoice(area: string, classes: readonly NamedClass[]): JsonSchema {
  const one = { $ref: `#/$defs/${area}` };
  const entry = { if: { type: 'string' }, then: pathChoice(classes), else: one };
  const overlays = classes.map(({ key, options }) => [key, keyedEntry(one, partial(options))]);
  return {
    if: { type: 'array' },
    then: { type: 'array', items: entry },
    else: {
      if: { type: 'object', required: ['class_path'] },
      then: one,
      else: {
        type: ['object', 'string', 'null'],
        properties: Object.fromEntries(overlays) as JsonSchema,
        additionalProperties: keyedEntry(one, { type: 'object' }),
      },
    },
  };
}

/** A whole class, null to take it out, its path, or options for the one of this key below. */
function keyedEntry(one: JsonSchema, options: JsonSchema): JsonSchema {
  return {
    if: { type: 'object', required: ['class_path'] },
    then: one,
    else: {
      type: ['object', 'string', 'null'],
      properties: { init_args: options },
      additionalProperties: false,
    },
  };
}

function pathChoice(classes: readonly NamedClass[]): JsonSchema {
  const names = classes.flatMap(({ paths, options }) =>
    paths.map((path) => ({ const: path, description: options.description })),
  );
  return { anyOf: [...names, projectPath] };
}

function partial({ required: _required, ...options }: JsonSchema): JsonSchema {
  return Object.keys(options).length === 0 ? { type: 'object' } : options;
}
