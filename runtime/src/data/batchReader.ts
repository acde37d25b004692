import type { HostTensor } from '../core/batch.ts';
import type { Rng } from '../random/rng.ts';

/** Type and shape of one field of one sample; `[]` is a scalar. */
export interface Column {
  readonly dtype: HostTensor['dtype'];
  readonly shape: readonly number[];
}

/** Rows to read: sample `ids[i]` goes to row `slots[i]` of every array in `out`. */
export interface ReadRequest {
  readonly ids: Int32Array;
  readonly slots: Int32Array;
  /** One row-major array a column, `batch size * product(shape)` long. */
  readonly out: Readonly<Record<string, HostTensor['data']>>;
  /** Random numbers of the sample that goes to a slot. */
  readonly rng: (slot: number) => Rng;
}

/** Reads samples of fixed shapes straight into the arrays of a batch, in one pass. */
export interface BatchReader {
  readonly columns: Readonly<Record<string, Column>>;
  read(request: ReadRequest): void;
}

/** An 8-bit image (height, width, channels) and what its 256 values mean as floats. */
export interface ByteImage {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly values: Float32Array;
}

/** An image transform that works on bytes: the reader calls what `prepare` returns for each image. */
export interface ImageKernel {
  prepare(image: ByteImage): ImageWriter;
}

/** Writes the image at `source[from]` as floats to `out[to]`; the shape stays the same. */
export type ImageWriter = (
  source: Uint8Array,
  from: number,
  out: Float32Array,
  to: number,
  rng: () => Rng,
) => void;

/** Values in one sample of a column. */
export function columnLength(column: Column): number {
  return column.shape.reduce((product, size) => product * size, 1);
}

/** An array for `rows` samples of a column. */
export function allocateColumn(column: Column, rows: number): HostTensor['data'] {
  const length = rows * columnLength(column);
  if (column.dtype === 'float32') return new Float32Array(length);
  return column.dtype === 'int32' ? new Int32Array(length) : new Uint8Array(length);
}
