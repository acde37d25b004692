import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Arrow from 'apache-arrow';
import { z } from 'zod';
import { messageOf, UsageError } from '../../errors.ts';
import type { BatchReader, Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { isMissing, missingPackage } from '../formats/optionalPackage.ts';
import {
  encodeColumn,
  fieldOf,
  valueAt,
  type ColumnKind,
  type EncodedColumn,
  type TableColumn,
} from '../formats/tableColumn.ts';
import { chooseColumns, tableOptions, type FoundColumn } from '../formats/tableOptions.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { resolveDataPath } from './dataPath.ts';
import { TensorDataset } from './tensorDataset.ts';

export const arrowDatasetSchema = z.strictObject({
  path: z
    .string()
    .describe(
      'Arrow IPC file (.arrow, .feather) or stream: a path, or package:<npm package>/<file>',
    ),
  ...tableOptions,
});

export type ArrowDatasetOptions = z.input<typeof arrowDatasetSchema>;

type Row = Record<string, number | string>;

/**
 * Rows of an Arrow IPC file or stream, held in memory. Numbers become float32 or int32, booleans
 * bool, texts and dates strings (see `categories` and `dates`). Needs the package `apache-arrow`.
 *
 * `new ArrowDataset({ path: 'flights.arrow', columns: ['delay', 'distance'] })`
 */
export class ArrowDataset implements Dataset<Row> {
  static readonly schema = arrowDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** sha256 of the columns and the file. */
  readonly fingerprint: string;
  readonly #options: ArrowDatasetOptions;
  readonly #columns: readonly (readonly [string, EncodedColumn])[];
  /** Present when no column holds strings. */
  readonly #table: TensorDataset | undefined;

  /** @throws UsageError for missing, foreign or truncated files, unknown columns, missing values */
  constructor(options: ArrowDatasetOptions) {
    const parsed = parseOptions(arrowDatasetSchema, options, 'ArrowDataset');
    this.#options = parsed;
    const path = resolveDataPath(parsed.path);
    const { tableFromIPC, Type } = loadArrow(path);
    const bytes = readFileSync(path);
    const table = readTable(tableFromIPC, bytes, path);
    const found = table.schema.fields.map((field) => ({
      name: field.name,
      kind: kindOf(field.type, Type),
    }));
    const chosen = chooseColumns(found, parsed, path);
    this.length = table.numRows;
    if (this.length === 0) throw new UsageError('ERR_DATA_EMPTY', `${path} has no rows.`);
    this.fingerprint = createHash('sha256')
      .update(JSON.stringify(chosen))
      .update(bytes)
      .digest('hex');
    this.#columns = chosen.map((column) => [column.name, encode(table, column, path)]);
    this.columns = Object.fromEntries(
      chosen.flatMap((column) => {
        const field = fieldOf(column);
        return field === undefined ? [] : [[column.name, field]];
      }),
    );
    this.#table = this.#tensors();
  }

  get(index: number): Row {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Row ${index} of ${this.length}.`);
    }
    return Object.fromEntries(
      this.#columns.map(([name, column]) => [name, valueAt(column, index)]),
    );
  }

  reader(kernels?: Readonly<Record<string, unknown>>): BatchReader | undefined {
    return this.#table?.reader(kernels);
  }

  /** Columns of numbers are shared with loader threads; with texts each reads the file. */
  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<ArrowDataset>(this, ArrowDataset, ['get', 'reader'], () =>
      this.#table === undefined
        ? { module: import.meta.url, name: 'ArrowDataset', args: [this.#options] }
        : this.#table.recipe(),
    );
  }

  #tensors(): TensorDataset | undefined {
    if (this.#columns.some(([name]) => this.columns[name] === undefined)) return undefined;
    return new TensorDataset(
      Object.fromEntries(
        this.#columns.map(([name, { data }]) => [
          name,
          { data, shape: [this.length], dtype: this.columns[name].dtype },
        ]),
      ),
    );
  }
}

type ArrowModule = Pick<typeof Arrow, 'tableFromIPC' | 'Type'>;

/** At once: a constructor cannot wait for an import. */
function loadArrow(path: string): ArrowModule {
  try {
    return createRequire(import.meta.url)('apache-arrow') as ArrowModule;
  } catch (error) {
    if (isMissing(error)) throw missingPackage(['apache-arrow'], `Reading ${path}`);
    throw error;
  }
}

function readTable(read: ArrowModule['tableFromIPC'], bytes: Buffer, path: string): Arrow.Table {
  const start = bytes.toString('latin1', 0, 6);
  const isFile = start === 'ARROW1';
  // A stream begins with the marker of a message, or, in old files, with a small length.
  const isStream = bytes.length >= 8 && (bytes.readUInt32LE(0) === 0xffffffff || bytes[3] === 0);
  if (!isFile && !isStream) {
    throw new UsageError(
      'ERR_DATA_FORMAT',
      `${path} is no Arrow IPC file or stream: it begins with ${bytes.toString('hex', 0, 8) || 'nothing'}.`,
    );
  }
  if (isFile && bytes.toString('latin1', bytes.length - 6) !== 'ARROW1') {
    throw new UsageError(
      'ERR_DATA_TRUNCATED',
      `${path} is cut short: an Arrow file ends with ARROW1. Download or copy it again.`,
    );
  }
  try {
    return read(bytes);
  } catch (cause) {
    throw new UsageError(
      'ERR_DATA_FORMAT',
      `${path} cannot be read as Arrow: ${messageOf(cause)}.`,
      {
        cause,
      },
    );
  }
}

function encode(table: Arrow.Table, column: TableColumn, path: string): EncodedColumn {
  const vector = table.getChild(column.name);
  if (vector === null) throw new Error(`Column ${column.name} is gone.`);
  // Typed arrays where there are no nulls; one value at a time otherwise.
  const isHalf = (vector.type as Arrow.DataType & { precision?: number }).precision === 0;
  const numeric = column.kind === 'int' || (column.kind === 'float' && !isHalf);
  const plain = vector.nullCount === 0 && numeric;
  const values = plain
    ? (vector.toArray() as ArrayLike<unknown>)
    : [...(vector as Iterable<unknown>)];
  return encodeColumn(column, values, path);
}

function kindOf(given: unknown, types: typeof Arrow.Type): FoundColumn['kind'] {
  const type = given as { readonly typeId: Arrow.Type; readonly dictionary?: unknown };
  if (type.typeId === types.Dictionary) return kindOf(type.dictionary, types);
  const kinds = new Map<Arrow.Type, ColumnKind>([
    [types.Bool, 'bool'],
    [types.Int, 'int'],
    [types.Float, 'float'],
    [types.Utf8, 'text'],
    [types.LargeUtf8, 'text'],
    [types.Date, 'date'],
    [types.Timestamp, 'date'],
  ]);
  return kinds.get(type.typeId) ?? { unsupported: `of type ${types[type.typeId]}` };
}
