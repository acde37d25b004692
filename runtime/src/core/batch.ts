import * as tf from '@tensorflow/tfjs-core';
import { isPlainObject } from './json.ts';

/** A tensor on the host: what loaders produce before the engine sees it. */
export interface HostTensor {
  /** Row-major values; bool as 0 / 1 bytes, int32 also as bytes where none is above 255. */
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
}

/** What a loader yields: host tensors in any nesting, beside plain values (names, ids). */
export type HostBatch =
  HostTensor | string | number | boolean | null | HostBatch[] | { [key: string]: HostBatch };

/** A batch as a step gets it: the same nesting with tensors as leaves. */
// Users state their own batch type in `TrainModule<Batch>`; this is only the bound.
export type Batch = unknown;

export function isHostTensor(value: unknown): value is HostTensor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'data' in value &&
    'shape' in value &&
    'dtype' in value &&
    ArrayBuffer.isView(value.data)
  );
}

/** Makes tensors of every host tensor in `batch`; the caller disposes them with `disposeBatch`. */
export function toTensors(batch: HostBatch): Batch {
  if (isHostTensor(batch)) return tf.tensor(batch.data, batch.shape, batch.dtype);
  if (batch instanceof tf.Tensor) return batch;
  if (Array.isArray(batch)) return batch.map((item) => toTensors(item));
  if (isPlainObject(batch)) {
    return Object.fromEntries(Object.entries(batch).map(([key, item]) => [key, toTensors(item)]));
  }
  return batch;
}

/** The same nesting with tensors of its own, which the caller disposes with `disposeBatch`. */
export function cloneTensors(value: unknown): unknown {
  if (value instanceof tf.Tensor) return value.clone();
  if (Array.isArray(value)) return value.map(cloneTensors);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cloneTensors(item)]));
}

/** Disposes every tensor of a nested batch. */
export function disposeBatch(batch: Batch): void {
  if (batch instanceof tf.Tensor) batch.dispose();
  else if (Array.isArray(batch)) for (const item of batch) disposeBatch(item);
  else if (isPlainObject(batch)) for (const item of Object.values(batch)) disposeBatch(item);
}
