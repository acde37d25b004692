import { createHash } from 'node:crypto';
import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import { columnLength, type BatchReader, type Column, type ReadRequest } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

/** A column: values of all samples, with the shape [samples, ...]; a bare array is one value each. */
export type TensorColumn = HostTensor | Float32Array | Int32Array;

type TensorSample = Record<string, HostTensor | number>;

/**
 * Named typed arrays, row by row: `new TensorDataset({ x: { data, shape: [n, 4], dtype: 'float32' },
 * y: labels })`. Batches are read in one pass. Arrays are kept, not copied.
 * @throws UsageError naming the columns when their lengths differ or a shape does not fit its data
 */
export class TensorDataset implements Dataset<TensorSample> {
  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  #data: Readonly<Record<string, HostTensor['data']>>;
  #fingerprint: string | undefined;

  constructor(columns: Readonly<Record<string, TensorColumn>>) {
    const tensors = Object.entries(columns).map(
      ([name, column]) => [name, asTensor(column)] as const,
    );
    if (tensors.length === 0)
      throw new UsageError('ERR_DATA_EMPTY', 'A TensorDataset needs a column.');
    for (const [name, tensor] of tensors) checkTensor(name, tensor);
    this.length = tensors[0][1].shape[0];
    for (const [name, { shape }] of tensors) {
      if (shape[0] !== this.length) {
        throw new UsageError(
          'ERR_DATA_MISMATCH',
          `Columns of a TensorDataset need equal lengths: "${tensors[0][0]}" has ${this.length} rows, "${name}" has ${shape[0]}.`,
        );
      }
    }
    this.columns = Object.fromEntries(
      tensors.map(([name, { dtype, shape }]) => [name, { dtype, shape: shape.slice(1) }]),
    );
    this.#data = Object.fromEntries(tensors.map(([name, { data }]) => [name, data]));
  }

  get(index: number): TensorSample {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Sample ${index} of a TensorDataset of ${this.length}.`);
    }
    const sample: TensorSample = {};
    for (const [name, column] of Object.entries(this.columns)) {
      const size = columnLength(column);
      const data = this.#data[name].slice(index * size, (index + 1) * size);
      sample[name] =
        column.shape.length === 0
          ? data[0]
          : { data, shape: [...column.shape], dtype: column.dtype };
    }
    return sample;
  }

  /** sha256 of names, types, shapes and values. */
  get fingerprint(): string {
    if (this.#fingerprint === undefined) {
      const hash = createHash('sha256').update(JSON.stringify(this.columns));
      for (const data of Object.values(this.#data)) hash.update(data);
      this.#fingerprint = hash.digest('hex');
    }
    return this.#fingerprint;
  }

  reader(kernels: Readonly<Record<string, unknown>> = {}): BatchReader | undefined {
    // Kernels work on bytes; columns hold floats and integers.
    if (Object.keys(kernels).length > 0) return undefined;
    return { columns: this.columns, read: (request) => this.#read(request) };
  }

  /** Loader threads read the same memory, where the columns move to. */
  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<TensorDataset>(this, TensorDataset, ['get', 'reader'], () => {
      this.#share();
      const columns = Object.entries(this.columns).map(([name, { dtype, shape }]) => [
        name,
        { data: this.#data[name], shape: [this.length, ...shape], dtype },
      ]);
      return {
        module: import.meta.url,
        name: 'TensorDataset',
        args: [Object.fromEntries(columns)],
      };
    });
  }

  #share(): void {
    // While the values are in ordinary memory: hashes refuse shared memory.
    this.#fingerprint = this.fingerprint;
    this.#data = Object.fromEntries(
      Object.entries(this.#data).map(([name, data]) => [name, inSharedMemory(data)]),
    );
  }

  #read({ ids, slots, out }: ReadRequest): void {
    for (const [name, column] of Object.entries(this.columns)) {
      const size = columnLength(column);
      const source = this.#data[name];
      const target = out[name];
      for (let row = 0; row < ids.length; row++) {
        const from = ids[row] * size;
        const to = slots[row] * size;
        for (let index = 0; index < size; index++) target[to + index] = source[from + index];
      }
    }
  }
}

function inSharedMemory(data: HostTensor['data']): HostTensor['data'] {
  if (data.buffer instanceof SharedArrayBuffer) return data;
  const shared = new SharedArrayBuffer(data.byteLength);
  new Uint8Array(shared).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (data instanceof Float32Array) return new Float32Array(shared);
  return data instanceof Int32Array ? new Int32Array(shared) : new Uint8Array(shared);
}

function asTensor(column: TensorColumn): HostTensor {
  if (!ArrayBuffer.isView(column)) return column;
  const dtype =
    Object.prototype.toString.call(column) === '[object Int32Array]' ? 'int32' : 'float32';
  return { data: column, shape: [column.length], dtype };
}

function checkTensor(name: string, { data, shape }: HostTensor): void {
  const expected = shape.reduce((product, size) => product * size, 1);
  if (shape.length === 0 || expected !== data.length) {
    throw new UsageError(
      'ERR_DATA_MISMATCH',
      `Column "${name}" has ${data.length} values, but its shape [${shape.join(', ')}] needs ${expected}; the first axis counts the samples.`,
    );
  }
}
