import { createHash } from 'node:crypto';
import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import { columnLength, type BatchReader, type Column, type ReadRequest } from '../batchReader.ts';
import { TensorDataset } from '../datasets/tensorDataset.ts';
import { batchType, decodeElements, elementBytes, type ElementType } from './elementType.ts';
import type { RandomAccessFile } from './randomAccessFile.ts';

/** An array in a file, row-major, whose first axis counts the samples. */
export interface StoredField {
  readonly name: string;
  readonly file: RandomAccessFile;
  /** Byte of its first value. */
  readonly begin: number;
  readonly type: ElementType;
  readonly bigEndian: boolean;
  readonly shape: readonly number[];
}

/** Above this many bytes in memory, rows are read from the file when they are asked for. */
const memoryLimit = 256 * 2 ** 20;

/** Arrays of equal first dimension, read whole when small, row by row when large. */
export class StoredFields {
  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** True when the arrays are (or will be) held in memory, which loader threads share. */
  readonly inMemory: boolean;
  readonly #fields: readonly StoredField[];
  #table: TensorDataset | undefined;
  #fingerprint: string | undefined;

  /**
   * @param inMemory null: when they take at most 256 MB
   * @throws UsageError for arrays without axes, of different lengths, or empty
   */
  constructor(fields: readonly StoredField[], inMemory: boolean | null) {
    this.#fields = fields;
    const scalar = fields.find(({ shape }) => shape.length === 0);
    if (scalar !== undefined) {
      throw new UsageError(
        'ERR_DATA_MISMATCH',
        `"${scalar.name}" of ${scalar.file.path} is one value without axes; the first axis must count the samples.`,
      );
    }
    this.length = fields[0].shape[0];
    const other = fields.find(({ shape }) => shape[0] !== this.length);
    if (other !== undefined) {
      throw new UsageError(
        'ERR_DATA_MISMATCH',
        `"${fields[0].name}" (${fields[0].file.path}) has ${this.length} rows, but "${other.name}" (${other.file.path}) has ${other.shape[0]}. The first axes must be equal: choose fields of one kind.`,
      );
    }
    if (this.length === 0) {
      throw new UsageError(
        'ERR_DATA_EMPTY',
        `"${fields[0].name}" of ${fields[0].file.path} has no rows.`,
      );
    }
    this.columns = Object.fromEntries(
      fields.map(({ name, type, shape }) => [
        name,
        { dtype: batchType(type), shape: shape.slice(1) },
      ]),
    );
    const bytes = fields.reduce(
      (sum, { name, type }) =>
        sum + this.length * columnLength(this.columns[name]) * (type === 'bool' ? 1 : 4),
      0,
    );
    this.inMemory = inMemory ?? bytes <= memoryLimit;
  }

  get(index: number): Record<string, HostTensor | number> {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Sample ${index} of ${this.length} in ${this.#fields[0].file.path}.`);
    }
    if (this.inMemory) return this.table.get(index);
    const sample: Record<string, HostTensor | number> = {};
    for (const field of this.#fields) {
      const { dtype, shape } = this.columns[field.name];
      const data = this.#rows(field, index, 1);
      sample[field.name] = shape.length === 0 ? data[0] : { data, shape: [...shape], dtype };
    }
    return sample;
  }

  reader(kernels: Readonly<Record<string, unknown>> = {}): BatchReader | undefined {
    if (Object.keys(kernels).length > 0) return undefined;
    if (this.inMemory)
      return { columns: this.columns, read: (request) => this.#readTable(request) };
    return { columns: this.columns, read: (request) => this.#readRows(request) };
  }

  /** The arrays in memory. */
  get table(): TensorDataset {
    this.#table ??= new TensorDataset(
      Object.fromEntries(
        this.#fields.map((field) => [
          field.name,
          {
            data: this.#rows(field, 0, this.length),
            shape: [...field.shape],
            dtype: this.columns[field.name].dtype,
          },
        ]),
      ),
    );
    return this.#table;
  }

  /** sha256 of names, types, shapes and the files (see `RandomAccessFile.fingerprint`). */
  get fingerprint(): string {
    if (this.#fingerprint === undefined) {
      const hash = createHash('sha256').update(JSON.stringify(this.columns));
      for (const { name, file, begin } of this.#fields) {
        hash.update(`${name} ${begin} ${file.fingerprint()}\n`);
      }
      this.#fingerprint = hash.digest('hex');
    }
    return this.#fingerprint;
  }

  #readTable(request: ReadRequest): void {
    this.table.reader()?.read(request);
  }

  #readRows({ ids, slots, out }: ReadRequest): void {
    for (const field of this.#fields) {
      const size = columnLength(this.columns[field.name]);
      for (let row = 0; row < ids.length; row++) {
        out[field.name].set(this.#rows(field, ids[row], 1), slots[row] * size);
      }
    }
  }

  #rows(field: StoredField, from: number, count: number): HostTensor['data'] {
    const bytes = columnLength(this.columns[field.name]) * elementBytes[field.type];
    const raw = field.file.read(field.begin + from * bytes, count * bytes);
    return decodeElements(
      raw,
      field.type,
      field.bigEndian,
      `"${field.name}" of ${field.file.path}`,
    );
  }
}
