import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';

/** Types of stored numbers and the bytes that one takes. */
export const elementBytes = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
} as const;

export type ElementType = keyof typeof elementBytes;

/** Type in a batch: floats become float32, whole numbers int32. */
export function batchType(type: ElementType): HostTensor['dtype'] {
  if (type === 'bool') return 'bool';
  return type.includes('float') ? 'float32' : 'int32';
}

/**
 * Stored numbers as values of a batch; always a copy.
 * @param where names them in the error
 * @throws UsageError (ERR_DATA_RANGE) for a whole number beyond int32
 */
export function decodeElements(
  bytes: Uint8Array,
  type: ElementType,
  bigEndian: boolean,
  where: string,
): HostTensor['data'] {
  if (type === 'bool') return Uint8Array.from(bytes, (value) => (value === 0 ? 0 : 1));
  if (type === 'uint8') return Int32Array.from(bytes);
  const count = bytes.length / elementBytes[type];
  if (!bigEndian && (type === 'float32' || type === 'int32')) {
    const data = type === 'float32' ? new Float32Array(count) : new Int32Array(count);
    new Uint8Array(data.buffer).set(bytes);
    return data;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readers[type];
  const size = elementBytes[type];
  if (batchType(type) === 'float32') {
    const data = new Float32Array(count);
    for (let index = 0; index < count; index++) data[index] = read(view, index * size, !bigEndian);
    return data;
  }
  const data = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const value = read(view, index * size, !bigEndian);
    if (value !== (value | 0)) throw outOfRange(value, where);
    data[index] = value;
  }
  return data;
}

/** The error for a whole number that int32 cannot hold. */
export function outOfRange(value: number | bigint, where: string): UsageError {
  return new UsageError(
    'ERR_DATA_RANGE',
    `${where} holds ${value}, which does not fit int32 (-2147483648 to 2147483647), the type of whole numbers in a batch. Store it as floats, or leave the field out.`,
  );
}

type Read = (view: DataView, position: number, littleEndian: boolean) => number;

const readers: Readonly<Record<Exclude<ElementType, 'bool' | 'uint8'>, Read>> = {
  int8: (view, at) => view.getInt8(at),
  int16: (view, at, little) => view.getInt16(at, little),
  uint16: (view, at, little) => view.getUint16(at, little),
  int32: (view, at, little) => view.getInt32(at, little),
  uint32: (view, at, little) => view.getUint32(at, little),
  int64: (view, at, little) => Number(view.getBigInt64(at, little)),
  uint64: (view, at, little) => Number(view.getBigUint64(at, little)),
  float16: (view, at, little) => half(view.getUint16(at, little)),
  bfloat16: (view, at, little) => brainFloat(view.getUint16(at, little)),
  float32: (view, at, little) => view.getFloat32(at, little),
  float64: (view, at, little) => view.getFloat64(at, little),
};

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function brainFloat(bits: number): number {
  scratch.setUint32(0, bits * 65_536);
  return scratch.getFloat32(0);
}
