/** Element types of tensors in checkpoints, by safetensors' names. */
export type Dtype = 'F32' | 'I32' | 'U8' | 'BOOL' | 'F64' | 'I64';

/** Values of a tensor, row-major. */
export type TensorData = Float32Array | Int32Array | Uint8Array | Float64Array | BigInt64Array;

/** A tensor as a checkpoint holds it, named like `model/dense/kernel`. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: TensorData;
  /** Its memory stays as it is until the save is over, so that it needs no copy; default false. */
  readonly lent?: boolean;
}

export const bytesPerElement: Readonly<Record<Dtype, number>> = {
  F32: 4,
  I32: 4,
  U8: 1,
  BOOL: 1,
  F64: 8,
  I64: 8,
};

/** The type under which `data` is saved. */
export function dtypeOf(data: TensorData): Dtype {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Int32Array) return 'I32';
  if (data instanceof Uint8Array) return 'U8';
  return data instanceof Float64Array ? 'F64' : 'I64';
}

/** The bytes of `data`, shared with it. */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** `bytes` as values of `dtype`: a view where the alignment allows it, a copy otherwise. */
export function viewAs(dtype: Dtype, bytes: Uint8Array): TensorData {
  const size = bytesPerElement[dtype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  const parts = [aligned.buffer, aligned.byteOffset, aligned.byteLength / size] as const;
  switch (dtype) {
    case 'F32':
      return new Float32Array(...parts);
    case 'I32':
      return new Int32Array(...parts);
    case 'F64':
      return new Float64Array(...parts);
    case 'I64':
      return new BigInt64Array(...parts);
    case 'U8':
    case 'BOOL':
      return new Uint8Array(...parts);
  }
}
