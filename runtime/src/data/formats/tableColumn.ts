import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import type { Column } from '../batchReader.ts';
import { outOfRange } from './elementType.ts';

/** What a column of a table holds. */
export type ColumnKind = 'float' | 'int' | 'bool' | 'date' | 'text';

/** How the values of one column become fields of samples. */
export interface TableColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Values in the order of their codes; the field is then an int32 code. */
  readonly categories?: readonly string[] | undefined;
  /** Stands for nulls, which are an error without it. */
  readonly fill?: number | string | boolean | undefined;
  /** Whole numbers become float32 instead of int32. */
  readonly asFloat?: boolean;
  /** Dates become days since 1970-01-01 UTC (float32) instead of ISO 8601 text. */
  readonly asDays?: boolean;
}

/** Values of a column as they are held: numbers, or codes of a list of texts. */
export interface EncodedColumn {
  readonly data: HostTensor['data'];
  readonly texts?: readonly string[];
}

const msADay = 86_400_000;

/** Type of the field; undefined for texts. */
export function fieldOf(column: TableColumn): Column | undefined {
  const dtype = dtypeOf(column);
  return dtype && { dtype, shape: [] };
}

function dtypeOf({
  kind,
  categories,
  asFloat,
  asDays,
}: TableColumn): HostTensor['dtype'] | undefined {
  if (categories !== undefined) return 'int32';
  if (kind === 'text') return undefined;
  if (kind === 'date') return asDays === true ? 'float32' : undefined;
  if (kind === 'bool') return 'bool';
  return kind === 'float' || asFloat === true ? 'float32' : 'int32';
}

/**
 * @param values as a reader gives them: numbers, bigints, booleans, texts, dates (or their
 *   milliseconds since 1970), nulls
 * @param rowOf names a row in errors
 * @throws UsageError naming column and row of a null, an unknown category or a number beyond int32
 */
export function encodeColumn(
  column: TableColumn,
  values: ArrayLike<unknown>,
  path: string,
  rowOf: (index: number) => number = (index) => index,
): EncodedColumn {
  const dtype = dtypeOf(column);
  const where = (index: number): string => `${path}, row ${rowOf(index)}, column "${column.name}"`;
  const present = (index: number): unknown => {
    const value = values[index] ?? column.fill;
    if (value !== undefined && value !== null) return value;
    throw new UsageError(
      'ERR_DATA_NULL',
      `${where(index)}: there is no value. Say what stands for it (fill: { ${column.name}: ... }), or leave the column out.`,
    );
  };
  if (dtype === undefined) return encodeTexts(column, values.length, present);
  if (column.categories !== undefined) {
    return { data: encodeCategories(column.categories, values.length, present, where) };
  }
  const length = values.length;
  if (dtype === 'int32') {
    const data = new Int32Array(length);
    for (let index = 0; index < length; index++) {
      const value = Number(present(index));
      if (value !== (value | 0)) throw outOfRange(value, where(index));
      data[index] = value;
    }
    return { data };
  }
  const scale = column.kind === 'date' ? 1 / msADay : 1;
  const data = dtype === 'bool' ? new Uint8Array(length) : new Float32Array(length);
  for (let index = 0; index < length; index++) data[index] = Number(present(index)) * scale;
  return { data };
}

/** Bytes that a column takes in memory. */
export function encodedBytes({ data, texts = [] }: EncodedColumn): number {
  return texts.reduce((sum, text) => sum + 2 * text.length + 16, data.byteLength);
}

/** The value of one row as a field of a sample. */
export function valueAt({ data, texts }: EncodedColumn, row: number): number | string {
  return texts === undefined ? data[row] : texts[data[row]];
}

/** Texts repeat: each is kept once. */
function encodeTexts(
  column: TableColumn,
  length: number,
  present: (index: number) => unknown,
): EncodedColumn {
  const codes = new Map<string, number>();
  const data = new Int32Array(length);
  const isDate = column.kind === 'date';
  for (let index = 0; index < length; index++) {
    const value = present(index);
    const text = isDate && typeof value !== 'string' ? isoText(value) : String(value);
    let code = codes.get(text);
    if (code === undefined) codes.set(text, (code = codes.size));
    data[index] = code;
  }
  return { data, texts: [...codes.keys()] };
}

function isoText(value: unknown): string {
  return (value instanceof Date ? value : new Date(Number(value))).toISOString();
}

function encodeCategories(
  categories: readonly string[],
  length: number,
  present: (index: number) => unknown,
  where: (index: number) => string,
): Int32Array {
  const codes = new Map(categories.map((value, code) => [value, code]));
  const data = new Int32Array(length);
  for (let index = 0; index < length; index++) {
    const value = String(present(index));
    const code = codes.get(value);
    if (code === undefined) {
      throw new UsageError(
        'ERR_DATA_CATEGORY',
        `${where(index)}: expected one of ${categories.slice(0, 20).join(', ')}${categories.length > 20 ? ', …' : ''}, got "${value}". Add it to categories.`,
      );
    }
    data[index] = code;
  }
  return data;
}
