import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { HostTensor } from '../../core/batch.ts';
import { didYouMean, UsageError } from '../../errors.ts';
import type { BatchReader, Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { parseCsv, type CsvRow } from './csvText.ts';
import { resolveDataPath } from './dataPath.ts';
import { TensorDataset } from './tensorDataset.ts';

export const csvDatasetSchema = z.strictObject({
  path: z.string().describe('CSV file with a header line: a path, or package:<npm package>/<file>'),
  target: z
    .union([z.string(), z.array(z.string()).min(1)])
    .nullable()
    .default(null)
    .describe('Column to predict, or several numeric ones; null: samples have features only'),
  features: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe('Columns to predict from; null: all others'),
  categories: z
    .record(z.string(), z.array(z.string()).min(1).nullable())
    .default({})
    .describe('Columns of classes: their values in order, or null for those found, sorted'),
  standardize: z
    .boolean()
    .default(false)
    .describe('Scale numeric features to mean 0 and deviation 1 over the rows of this file'),
  delimiter: z.string().length(1).default(',').describe('Between fields'),
  offset: z.int().min(0).default(0).describe('Rows to leave out at the beginning'),
  limit: z.int().min(1).nullable().default(null).describe('Rows to use; null: all that follow'),
});

export type CsvDatasetOptions = z.input<typeof csvDatasetSchema>;
type Options = z.output<typeof csvDatasetSchema>;

type CsvSample = Record<string, HostTensor | number>;

/**
 * Rows of a CSV file. `features` is float32 [features]: numbers as they are, columns of classes
 * one-hot (`featureNames` says which value is which). `target` is float32 [1] (or [targets]), or,
 * for a column of classes, its index among `classes` as int32.
 */
export class CsvDataset implements Dataset<CsvSample> {
  static readonly schema = csvDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** One name a feature value: `width`, `species=gentoo`. */
  readonly featureNames: readonly string[];
  /** Values of a target of classes, in the order of their indices; undefined for numbers. */
  readonly classes: readonly string[] | undefined;
  readonly #table: TensorDataset;

  /** @throws UsageError naming file, line and column of what cannot be read */
  constructor(options: CsvDatasetOptions) {
    const parsed = parseOptions(csvDatasetSchema, options, 'CsvDataset');
    const table = new CsvTable(parsed);
    const { values, names } = table.features();
    const target = table.target();
    this.length = table.rows.length;
    this.featureNames = names;
    this.classes = target?.classes;
    this.#table = new TensorDataset({
      features: { data: values, shape: [this.length, names.length], dtype: 'float32' },
      ...(target && { target: target.tensor }),
    });
    this.columns = this.#table.columns;
  }

  get(index: number): CsvSample {
    return this.#table.get(index);
  }

  /** sha256 of the values as they are used. */
  get fingerprint(): string {
    return this.#table.fingerprint;
  }

  reader(kernels?: Readonly<Record<string, unknown>>): BatchReader | undefined {
    return this.#table.reader(kernels);
  }

  /** Loader threads read the same memory. */
  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<CsvDataset>(this, CsvDataset, ['get', 'reader'], () =>
      this.#table.recipe(),
    );
  }
}

/** The selected rows of a file and how its columns are read. */
class CsvTable {
  readonly rows: readonly CsvRow[];
  readonly #all: readonly CsvRow[];
  readonly #header: readonly string[];
  readonly #path: string;
  readonly #options: Options;
  readonly #targets: readonly string[];

  constructor(options: Options) {
    this.#options = options;
    this.#path = resolveDataPath(options.path);
    const [header, ...rows] = parseCsv(
      readFileSync(this.#path, 'utf8'),
      options.delimiter,
      this.#path,
    );
    this.#all = rows;
    this.#header = header?.fields ?? [];
    for (const { line, fields } of rows) {
      if (fields.length !== this.#header.length) {
        this.#fail(
          line,
          `expected ${this.#header.length} fields as in the header, got ${fields.length}`,
        );
      }
    }
    const { offset, limit, target } = options;
    this.rows = rows.slice(offset, limit === null ? undefined : offset + limit);
    if (this.rows.length === 0) {
      throw new UsageError(
        'ERR_DATA_EMPTY',
        `${this.#path} has ${rows.length} rows below its header; an offset of ${offset} leaves none.`,
      );
    }
    this.#targets = target === null ? [] : [target].flat();
    for (const name of Object.keys(options.categories)) this.#indexOf(name, 'categories');
  }

  features(): { values: Float32Array; names: string[] } {
    const chosen =
      this.#options.features ?? this.#header.filter((name) => !this.#targets.includes(name));
    const columns = chosen.flatMap((name) => {
      const classes = this.#classes(name);
      if (classes === undefined) return [{ name, values: this.#scaled(this.#numbers(name)) }];
      const codes = this.#codes(name, classes);
      return classes.map((value, code) => ({
        name: `${name}=${value}`,
        values: codes.map((own) => (own === code ? 1 : 0)),
      }));
    });
    const values = new Float32Array(this.rows.length * columns.length);
    columns.forEach((column, index) => {
      for (let row = 0; row < this.rows.length; row++) {
        values[row * columns.length + index] = column.values[row];
      }
    });
    return { values, names: columns.map(({ name }) => name) };
  }

  target(): { tensor: HostTensor; classes: readonly string[] | undefined } | undefined {
    const names = this.#targets;
    if (names.length === 0) return undefined;
    const rows = this.rows.length;
    const classes = this.#classes(names[0]);
    if (classes !== undefined && names.length === 1) {
      const data = Int32Array.from(this.#codes(names[0], classes));
      return { tensor: { data, shape: [rows], dtype: 'int32' }, classes };
    }
    const columns = names.map((name) => this.#numbers(name));
    const data = new Float32Array(rows * names.length);
    data.forEach((_, index) => {
      data[index] = columns[index % names.length][Math.floor(index / names.length)];
    });
    return { tensor: { data, shape: [rows, names.length], dtype: 'float32' }, classes: undefined };
  }

  #indexOf(name: string, option: string): number {
    const index = this.#header.indexOf(name);
    if (index !== -1) return index;
    throw new UsageError(
      'ERR_DATA_CSV',
      `${this.#path} has no column "${name}" (named in ${option}); its columns are ${this.#header.join(', ')}.${didYouMean(name, this.#header)}`,
    );
  }

  /** Over all rows, also those not selected: parts of one file must agree on the codes. */
  #classes(name: string): readonly string[] | undefined {
    const given = this.#options.categories[name];
    if (given === undefined) return undefined;
    if (given !== null) return given;
    const index = this.#indexOf(name, 'categories');
    return [...new Set(this.#all.map(({ fields }) => fields[index]))].sort();
  }

  #codes(name: string, classes: readonly string[]): number[] {
    const index = this.#indexOf(name, 'categories');
    return this.rows.map(({ line, fields }) => {
      const code = classes.indexOf(fields[index]);
      if (code === -1) {
        this.#fail(
          line,
          `column "${name}": expected one of ${classes.join(', ')}, got "${fields[index]}"`,
        );
      }
      return code;
    });
  }

  #numbers(name: string): number[] {
    const index = this.#indexOf(name, 'features or target');
    return this.rows.map(({ line, fields }) => {
      const text = fields[index].trim();
      const value = Number(text);
      if (text === '' || !Number.isFinite(value)) {
        this.#fail(
          line,
          `column "${name}": expected a number, got "${fields[index]}". Name the column in categories if it holds classes, or leave it out of features`,
        );
      }
      return value;
    });
  }

  #scaled(values: number[]): number[] {
    if (!this.#options.standardize) return values;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    // A constant column carries nothing: it becomes 0 instead of a division by 0.
    const deviation = variance === 0 ? 1 : Math.sqrt(variance);
    return values.map((value) => (value - mean) / deviation);
  }

  #fail(line: number, problem: string): never {
    throw new UsageError('ERR_DATA_CSV', `${this.#path}:${line}: ${problem}.`);
  }
}
