import * as tf from '@tensorflow/tfjs-core';
import { isHostTensor, type HostBatch, type HostTensor } from '../../core/batch.ts';
import type { StateTensor } from '../../core/callback.ts';
import { isPlainObject, type Json } from '../../core/json.ts';

/**
 * The first `count` samples of a batch on the host: of each tensor as many rows, so that no batch
 * is kept alive. What is no plain data becomes null.
 */
export function hostSamples(value: unknown, count: number): HostBatch {
  if (value instanceof tf.Tensor) return rows(value as tf.Tensor, count);
  if (Array.isArray(value)) return value.map((item) => hostSamples(item, count));
  if (isPlainObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, hostSamples(item, count)]),
    );
  }
  const plain = ['string', 'number', 'boolean'].includes(typeof value);
  return plain ? (value as string | number | boolean) : null;
}

/** Every tensor of nested samples with the path to it: `x`, `views.0`; '' for one alone. */
export function hostTensors(value: HostBatch, path = ''): [path: string, tensor: HostTensor][] {
  if (isHostTensor(value)) return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    hostTensors(item, path === '' ? key : `${path}.${key}`),
  );
}

/** Samples as plain JSON and tensors named `<prefix>/<path>`, for checkpoints. */
export function packSamples(
  value: HostBatch,
  prefix: string,
): { json: Json; tensors: StateTensor[] } {
  const tensors = hostTensors(value).map(([path, { data, shape }]) => ({
    name: `${prefix}/${path}`,
    shape,
    data,
  }));
  return { json: skeleton(value, ''), tensors };
}

/** The reverse of `packSamples`. */
export function unpackSamples(
  json: Json,
  prefix: string,
  tensors: ReadonlyMap<string, StateTensor>,
): HostBatch {
  if (Array.isArray(json)) return json.map((item) => unpackSamples(item, prefix, tensors));
  if (!isPlainObject(json)) return json;
  const { $tensor: path, dtype } = json;
  if (typeof path !== 'string') {
    return Object.fromEntries(
      Object.entries(json).map(([key, item]) => [key, unpackSamples(item, prefix, tensors)]),
    );
  }
  const saved = tensors.get(`${prefix}/${path}`);
  if (saved === undefined) return null;
  const { data, shape } = saved as StateTensor & Pick<HostTensor, 'data'>;
  return { data, shape: [...shape], dtype: dtype as HostTensor['dtype'] };
}

function skeleton(value: HostBatch, path: string): Json {
  if (isHostTensor(value)) return { $tensor: path, dtype: value.dtype };
  const at = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`);
  if (Array.isArray(value)) return value.map((item, index) => skeleton(item, at(index)));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, skeleton(item, at(key))]),
  );
}

function rows(tensor: tf.Tensor, count: number): HostTensor {
  const { shape, dtype } = tensor;
  const kept = tensor.rank === 0 ? [] : [Math.min(count, shape[0]), ...shape.slice(1)];
  const size = kept.reduce((product, length) => product * length, 1);
  const data = tensor.dataSync<'float32'>().slice(0, size);
  return { data, shape: kept, dtype: dtype === 'int32' || dtype === 'bool' ? dtype : 'float32' };
}
