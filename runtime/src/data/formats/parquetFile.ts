import type { FileMetaData, SchemaElement } from 'hyparquet';
// Of the package only what parses the footer: opening a dataset cannot wait, reading can.
import { parquetMetadata } from 'hyparquet/src/metadata.js';
import { messageOf, UsageError } from '../../errors.ts';
import { RandomAccessFile } from './randomAccessFile.ts';
import { encodeColumn, type EncodedColumn, type TableColumn } from './tableColumn.ts';
import type { FoundColumn } from './tableOptions.ts';

/** A parquet file: its footer is read when it is opened, row groups when they are asked for. */
export class ParquetFile {
  readonly file: RandomAccessFile;
  readonly columns: readonly FoundColumn[];
  /** Rows of each row group. */
  readonly groupRows: readonly number[];
  readonly #metadata: FileMetaData;

  /** @throws UsageError for missing, foreign and truncated files */
  constructor(path: string) {
    this.file = new RandomAccessFile(path);
    this.#metadata = readFooter(this.file);
    this.columns = topColumns(this.#metadata.schema);
    this.groupRows = this.#metadata.row_groups.map((group) => Number(group.num_rows));
  }

  /**
   * Columns of a row group, one after the other so that only one is held twice.
   * @param first row of the file that the group begins with
   * @throws UsageError (ERR_DATA_FORMAT) naming the group and column that cannot be decoded
   */
  async readGroup(
    group: number,
    first: number,
    columns: readonly TableColumn[],
  ): Promise<EncodedColumn[]> {
    const encoded: EncodedColumn[] = [];
    for (const column of columns) {
      const parts = await this.#readColumn(group, first, column.name);
      const values = parts.length === 1 ? parts[0] : parts.flatMap((part) => Array.from(part));
      if (values.length !== this.groupRows[group]) {
        throw this.#damaged(group, column.name, `it has ${values.length} rows`);
      }
      encoded.push(encodeColumn(column, values, this.file.path, (row) => first + row));
    }
    return encoded;
  }

  async #readColumn(group: number, first: number, name: string): Promise<ArrayLike<unknown>[]> {
    const [{ parquetRead }, { compressors }] = await Promise.all([
      import('hyparquet'),
      import('hyparquet-compressors'),
    ]);
    const parts: ArrayLike<unknown>[] = [];
    try {
      await parquetRead({
        file: this.#slices(),
        metadata: this.#metadata,
        columns: [name],
        rowStart: first,
        rowEnd: first + this.groupRows[group],
        compressors,
        parsers: milliseconds,
        onChunk: ({ columnData }) => parts.push(columnData),
      });
    } catch (cause) {
      throw this.#damaged(group, name, messageOf(cause), cause);
    }
    return parts;
  }

  #slices() {
    const { file } = this;
    return {
      byteLength: file.size,
      slice: (start: number, end = file.size): ArrayBuffer =>
        file.read(start, end - start).buffer as ArrayBuffer,
    };
  }

  #damaged(group: number, column: string, detail: string, cause?: unknown): UsageError {
    return new UsageError(
      'ERR_DATA_FORMAT',
      `${this.file.path}: column "${column}" of row group ${group} cannot be decoded: ${detail}. Is the file damaged?`,
      { cause },
    );
  }
}

/** Dates as numbers: an object a row would take ten times the memory. */
const milliseconds = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: (value: bigint) => value && Number(value) / 1e3,
  timestampFromNanoseconds: (value: bigint) => value && Number(value) / 1e6,
  dateFromDays: (days: number) => days && days * 86_400_000,
} as never;

function readFooter(file: RandomAccessFile): FileMetaData {
  const marker = file.size < 12 ? '' : file.read(0, 4).toString('latin1');
  if (marker !== 'PAR1') {
    throw new UsageError(
      'ERR_DATA_FORMAT',
      `${file.path} is no parquet file: expected it to begin with PAR1, got ${JSON.stringify(marker)} (${file.size} bytes).`,
    );
  }
  const end = file.read(file.size - 8, 8);
  const length = end.readUInt32LE(0) + 8;
  if (end.toString('latin1', 4) !== 'PAR1' || length > file.size - 4) {
    throw new UsageError(
      'ERR_DATA_TRUNCATED',
      `${file.path} is cut short: a parquet file ends with its footer and PAR1. Download or copy it again.`,
    );
  }
  try {
    return parquetMetadata(file.read(file.size - length, length));
  } catch (cause) {
    throw new UsageError(
      'ERR_DATA_FORMAT',
      `${file.path} has a damaged footer: ${messageOf(cause)}.`,
      { cause },
    );
  }
}

/** Columns of the first level; the schema lists a tree in depth-first order behind its root. */
function topColumns(schema: readonly SchemaElement[]): FoundColumn[] {
  const columns: FoundColumn[] = [];
  let index = 1;
  const skip = (): void => {
    const children = schema[index++].num_children ?? 0;
    for (let child = 0; child < children; child++) skip();
  };
  while (index < schema.length) {
    const element = schema[index];
    columns.push({ name: element.name, kind: kindOf(element) });
    skip();
  }
  return columns;
}

function kindOf(element: SchemaElement): FoundColumn['kind'] {
  const { type, converted_type: converted, logical_type: logical } = element;
  if ((element.num_children ?? 0) > 0) return { unsupported: 'a structure or list' };
  if (element.repetition_type === 'REPEATED') return { unsupported: 'a list' };
  if (type === 'BOOLEAN') return 'bool';
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return 'float';
  if (type === 'FLOAT' || type === 'DOUBLE' || logical?.type === 'FLOAT16') return 'float';
  if (type === 'INT96' || converted === 'DATE' || logical?.type === 'DATE') return 'date';
  if (converted?.startsWith('TIMESTAMP') || logical?.type === 'TIMESTAMP') return 'date';
  if (converted?.startsWith('TIME') || logical?.type === 'TIME') return 'float';
  if (type === 'INT32' || type === 'INT64') return 'int';
  if (['UTF8', 'ENUM'].includes(converted ?? '')) return 'text';
  if (['STRING', 'ENUM', 'UUID'].includes(logical?.type ?? '')) return 'text';
  return { unsupported: `of bytes (${logical?.type ?? converted ?? type ?? 'unknown'})` };
}
