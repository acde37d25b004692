import * as tf from '@tensorflow/tfjs-core';
import type { OrtBackend } from './backend.ts';

export interface StructuralCall {
  inputs: Record<string, tf.TensorInfo>;
  backend: unknown;
  attrs?: tf.NamedAttrMap;
}

type Next = (call: StructuralCall) => tf.TensorInfo | tf.TensorInfo[];
type Structural = (call: StructuralCall, next: Next) => tf.TensorInfo | tf.TensorInfo[];

/** Kernels that share data instead of computing. */
export const STRUCTURAL_KERNELS: Record<string, Structural | undefined> = {
  Identity: ({ inputs, backend }) => share(backend, inputs.x, inputs.x.shape),
  Reshape({ inputs, backend, attrs }) {
    const { x } = inputs;
    const size = tf.util.sizeFromShape(x.shape);
    const shape = tf.util.inferFromImplicitShape((attrs as { shape: number[] }).shape, size);
    const newSize = tf.util.sizeFromShape(shape);
    if (newSize !== size) {
      throw new Error(
        `Reshape: expected a shape of ${size} elements like [${x.shape.join()}], got [${shape.join()}].`,
      );
    }
    return share(backend, x, shape);
  },
  ExpandDims({ inputs, backend, attrs }) {
    const shape = [...inputs.input.shape];
    const { dim } = attrs as { dim: number };
    if (dim < -(shape.length + 1)) {
      throw new Error(`expandDims: expected an axis from ${-(shape.length + 1)}, got ${dim}.`);
    }
    shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
    return share(backend, inputs.input, shape);
  },
  Cast(call, next) {
    const { dtype } = call.attrs as { dtype: tf.DataType };
    const { x } = call.inputs;
    return x.dtype === dtype ? share(call.backend, x, x.shape) : next(call);
  },
  Complex({ inputs, backend }) {
    const { real, imag } = inputs;
    const parts = [real, imag].map((part) => share(backend, part, part.shape));
    const dataId = (backend as OrtBackend).writeComplex(real.shape, parts[0], parts[1]);
    return { dataId, shape: real.shape, dtype: 'complex64' };
  },
  Real: ({ inputs, backend }) => part(backend, inputs.input, 'real'),
  Imag: ({ inputs, backend }) => part(backend, inputs.input, 'imag'),
};

function share(backend: unknown, { dataId, dtype }: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  (backend as OrtBackend).incRef(dataId);
  return { dataId, shape, dtype };
}

function part(backend: unknown, input: tf.TensorInfo, name: 'real' | 'imag'): tf.TensorInfo {
  const { complex } = (backend as OrtBackend).entryOf(input.dataId);
  if (complex === null) throw new Error(`Expected a complex64 tensor, got ${input.dtype}.`);
  return share(backend, complex[name], input.shape);
}
