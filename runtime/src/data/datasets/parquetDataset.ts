import { createHash } from 'node:crypto';
import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import type { Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { ParquetFile } from '../formats/parquetFile.ts';
import {
  encodedBytes,
  fieldOf,
  valueAt,
  type EncodedColumn,
  type TableColumn,
} from '../formats/tableColumn.ts';
import { chooseColumns, tableOptions } from '../formats/tableOptions.ts';
import { locate, runningSums, type ShardLayout } from '../order/shardLayout.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const parquetDatasetSchema = z.strictObject({
  path: z.string().describe('parquet file: a path, or package:<npm package>/<file>'),
  ...tableOptions,
  shuffle: z
    .enum(['row_groups', 'all'])
    .default('row_groups')
    .describe(
      'Shuffle within a few row groups at a time, so that few are decoded, or over all rows',
    ),
  inFlight: z.int().min(1).default(4).describe('Row groups that are shuffled together'),
  cacheMb: z
    .number()
    .positive()
    .default(128)
    .describe('Decoded row groups to keep, in MB a thread; at least one is kept'),
});

export type ParquetDatasetOptions = z.input<typeof parquetDatasetSchema>;
type Options = z.output<typeof parquetDatasetSchema>;

type Row = Record<string, number | string>;

/**
 * Rows of a parquet file. Numbers become float32 or int32, booleans bool, texts and dates strings
 * (see `categories` and `dates`). Row groups are decoded when a row of them is asked for, and the
 * least recently used are dropped; so memory is bounded whatever the file's size. `get` gives a
 * promise when a row group must be decoded first, else the row itself.
 *
 * `new ParquetDataset({ path: 'flights.parquet', columns: ['delay', 'distance'] })`
 */
export class ParquetDataset implements Dataset<Row> {
  static readonly schema = parquetDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** Row groups, which a shuffle reads a few at a time; undefined for `shuffle: all`. */
  readonly shards: ShardLayout | undefined;
  readonly #options: Options;
  readonly #file: ParquetFile;
  readonly #columns: readonly TableColumn[];
  readonly #starts: Float64Array;
  /** Decoded row groups, least recently used first. */
  readonly #groups = new Map<number, { columns: readonly EncodedColumn[]; bytes: number }>();
  readonly #reading = new Map<number, Promise<readonly EncodedColumn[]>>();
  #lastDecode: Promise<unknown> = Promise.resolve();

  /** @throws UsageError for missing, foreign or truncated files and unknown or nested columns */
  constructor(options: ParquetDatasetOptions) {
    this.#options = parseOptions(parquetDatasetSchema, options, 'ParquetDataset');
    this.#file = new ParquetFile(this.#options.path);
    const { path } = this.#file.file;
    this.#columns = chooseColumns(this.#file.columns, this.#options, path);
    this.#starts = runningSums(this.#file.groupRows);
    this.length = this.#starts[this.#starts.length - 1];
    if (this.length === 0) throw new UsageError('ERR_DATA_EMPTY', `${path} has no rows.`);
    this.columns = Object.fromEntries(
      this.#columns.flatMap((column) => {
        const field = fieldOf(column);
        return field === undefined ? [] : [[column.name, field]];
      }),
    );
    if (this.#options.shuffle === 'row_groups') {
      this.shards = { lengths: this.#file.groupRows, inFlight: this.#options.inFlight };
    }
  }

  get(index: number): Row | Promise<Row> {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Row ${index} of ${this.length} in ${this.#file.file.path}.`);
    }
    const { shard, offset } = locate(this.#starts, index);
    const found = this.#groups.get(shard);
    if (found === undefined) return this.#read(shard).then((group) => this.#row(group, offset));
    // Behind the others again: a map keeps the order of insertion.
    this.#groups.delete(shard);
    this.#groups.set(shard, found);
    return this.#row(found.columns, offset);
  }

  /** sha256 of the columns and the file: of all bytes up to 4 MB, of 64 parts of a larger one. */
  get fingerprint(): string {
    return createHash('sha256')
      .update(JSON.stringify(this.#columns))
      .update(this.#file.file.fingerprint())
      .digest('hex');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<ParquetDataset>(this, ParquetDataset, ['get'], () => ({
      module: import.meta.url,
      name: 'ParquetDataset',
      args: [this.#options],
    }));
  }

  #row(group: readonly EncodedColumn[], offset: number): Row {
    const row: Row = {};
    this.#columns.forEach(({ name }, index) => {
      row[name] = valueAt(group[index], offset);
    });
    return row;
  }

  /** Many rows of a batch may wait for the same row group. */
  #read(group: number): Promise<readonly EncodedColumn[]> {
    let reading = this.#reading.get(group);
    if (reading === undefined) {
      // One after the other: decoding takes several times the memory of the result.
      reading = this.#lastDecode
        .then(() => this.#decode(group))
        .finally(() => this.#reading.delete(group));
      this.#lastDecode = reading.catch(() => undefined);
      this.#reading.set(group, reading);
    }
    return reading;
  }

  async #decode(group: number): Promise<readonly EncodedColumn[]> {
    const columns = await this.#file.readGroup(group, this.#starts[group], this.#columns);
    const bytes = columns.reduce((sum, column) => sum + encodedBytes(column), 0);
    this.#groups.set(group, { columns, bytes });
    this.#dropOld();
    return columns;
  }

  #dropOld(): void {
    let bytes = 0;
    for (const group of this.#groups.values()) bytes += group.bytes;
    for (const [key, group] of this.#groups) {
      if (bytes <= this.#options.cacheMb * 2 ** 20 || this.#groups.size === 1) return;
      this.#groups.delete(key);
      bytes -= group.bytes;
    }
  }
}
