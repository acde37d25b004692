import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { GraphNode } from './graphNode.ts';

export type Values = Float32Array | Int32Array | Uint8Array;

/** Element types that graphs compute on; strings and complex numbers go to the fallback. */
export type NumericType = 'float32' | 'int32' | 'bool';

/**
 * What tfjs calls a data id: the storage of one or more tensors. It holds values, or the
 * pending node that will produce them, or neither once disposed.
 */
export class Entry {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  refCount = 1;
  values: Values | null = null;
  /** True when the values are a view of memory that others write into: readers get copies. */
  borrowed = false;
  /** The recorded node that computes the values; null as soon as they exist. */
  node: GraphNode | null = null;
  strings: Uint8Array[] | null = null;
  complex: { readonly real: TensorInfo; readonly imag: TensorInfo } | null = null;
  /** True once this back end holds the data no longer: disposed, or moved to another one. */
  gone = false;
  /** Why the values are missing, when a graph failed to run. */
  failure: unknown = undefined;

  constructor(dtype: DataType, shape: readonly number[]) {
    this.dtype = dtype;
    this.shape = shape;
  }
}

/** Whether graphs can hold tensors of this type. */
export function isNumeric(dtype: DataType): dtype is NumericType {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

/** A zeroed array for `size` elements. */
export function allocate(dtype: NumericType, size: number): Values {
  switch (dtype) {
    case 'float32':
      return new Float32Array(size);
    case 'int32':
      return new Int32Array(size);
    case 'bool':
      return new Uint8Array(size);
  }
}

/** The values as the array type that `dtype` is stored in; copies only when it must. */
export function asValues(dtype: NumericType, values: ArrayLike<number>): Values {
  if (dtype === 'float32')
    return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values);
  return values instanceof Uint8Array ? values : Uint8Array.from(values);
}
