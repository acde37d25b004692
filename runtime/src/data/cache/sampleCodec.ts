import { deserialize, serialize } from 'node:v8';
import { isHostTensor, type HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';

/** A field of samples that all have the same size. */
export interface FixedField {
  readonly name: string;
  /** What the sample holds: a tensor, a bare typed array, or one value. */
  readonly kind: 'tensor' | 'array' | 'number' | 'boolean';
  readonly array: ArrayName;
  readonly dtype: HostTensor['dtype'] | null;
  readonly shape: readonly number[];
  /** Bytes from the start of a sample. */
  readonly at: number;
  readonly length: number;
}

/** How samples lie in a block: all alike at a fixed stride, or each with a size of its own. */
export type SampleLayout =
  | { readonly kind: 'fixed'; readonly stride: number; readonly fields: readonly FixedField[] }
  | { readonly kind: 'variable' };

const arrays = {
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
};

type ArrayName = keyof typeof arrays;
type NumberArray = InstanceType<(typeof arrays)[ArrayName]>;

/** Of a sample that others should be like; nested values, strings and lists make it variable. */
export function layoutOf(sample: unknown): SampleLayout {
  if (!isPlainObject(sample) || isHostTensor(sample)) return { kind: 'variable' };
  const fields: FixedField[] = [];
  let end = 0;
  for (const [name, value] of Object.entries(sample)) {
    const field = fieldOf(name, value, end);
    if (field === undefined) return { kind: 'variable' };
    fields.push(field);
    // Multiples of 8, so that a view of any type fits.
    end = align(end + field.length * arrays[field.array].BYTES_PER_ELEMENT);
  }
  return fields.length === 0 ? { kind: 'variable' } : { kind: 'fixed', stride: end, fields };
}

/** The bytes of some samples; undefined when one of them is not of this layout. */
export function encodeSamples(
  samples: readonly unknown[],
  layout: SampleLayout,
): Buffer | undefined {
  return layout.kind === 'fixed' ? encodeFixed(samples, layout) : encodeVariable(samples);
}

/** The sample in bytes of a fixed layout, which begin at a multiple of 8; the result is a copy. */
export function decodeFixed(
  bytes: Uint8Array,
  fields: readonly FixedField[],
): Record<string, unknown> {
  const sample: Record<string, unknown> = {};
  for (const field of fields) {
    const data = viewOf(bytes, field).slice();
    const { kind } = field;
    if (kind === 'number') sample[field.name] = data[0];
    else if (kind === 'boolean') sample[field.name] = data[0] === 1;
    else if (kind === 'array') sample[field.name] = data;
    else sample[field.name] = { data, shape: [...field.shape], dtype: field.dtype };
  }
  return sample;
}

/** The values of a field of one sample, without a copy. */
export function viewOf(bytes: Uint8Array, { array, at, length }: FixedField): NumberArray {
  return new arrays[array](bytes.buffer as ArrayBuffer, bytes.byteOffset + at, length);
}

/** Where sample `row` of a variable block lies: its first byte and the one after its last. */
export function variableSpan(header: Uint8Array, row: number): [start: number, end: number] {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  return [view.getUint32(row * 4, true), view.getUint32(row * 4 + 4, true)];
}

export function decodeVariable(bytes: Uint8Array): unknown {
  // A copy: what deserialize returns would keep looking at shared memory.
  return deserialize(Uint8Array.from(bytes));
}

function encodeFixed(
  samples: readonly unknown[],
  { stride, fields }: SampleLayout & { kind: 'fixed' },
): Buffer | undefined {
  const bytes = Buffer.alloc(samples.length * stride);
  for (const [row, sample] of samples.entries()) {
    if (!isPlainObject(sample) || Object.keys(sample).length !== fields.length) return undefined;
    const target = bytes.subarray(row * stride, (row + 1) * stride);
    for (const field of fields) {
      const own = fieldOf(field.name, sample[field.name], field.at);
      if (own === undefined || !sameField(own, field)) return undefined;
      viewOf(target, field).set(valuesOf(sample[field.name]));
    }
  }
  return bytes;
}

function encodeVariable(samples: readonly unknown[]): Buffer {
  const parts = samples.map((sample) => serialize(sample));
  const header = Buffer.alloc((parts.length + 1) * 4);
  let end = header.length;
  header.writeUInt32LE(end, 0);
  parts.forEach((part, row) => {
    end += part.length;
    header.writeUInt32LE(end, (row + 1) * 4);
  });
  return Buffer.concat([header, ...parts]);
}

function fieldOf(name: string, value: unknown, at: number): FixedField | undefined {
  if (typeof value === 'number') {
    return { name, kind: 'number', array: 'Float64Array', dtype: null, shape: [], at, length: 1 };
  }
  if (typeof value === 'boolean') {
    return { name, kind: 'boolean', array: 'Uint8Array', dtype: null, shape: [], at, length: 1 };
  }
  const data = isHostTensor(value) ? value.data : value;
  if (!ArrayBuffer.isView(data)) return undefined;
  const array = Object.prototype.toString.call(data).slice(8, -1);
  if (!Object.hasOwn(arrays, array)) return undefined;
  const { length } = data as NumberArray;
  const common = { name, array: array as ArrayName, at, length };
  return isHostTensor(value)
    ? { ...common, kind: 'tensor', dtype: value.dtype, shape: value.shape }
    : { ...common, kind: 'array', dtype: null, shape: [length] };
}

function sameField(a: FixedField, b: FixedField): boolean {
  return (
    a.kind === b.kind &&
    a.array === b.array &&
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((size, axis) => size === b.shape[axis])
  );
}

function valuesOf(value: unknown): ArrayLike<number> {
  if (typeof value === 'number' || typeof value === 'boolean') return [Number(value)];
  return isHostTensor(value) ? value.data : (value as NumberArray);
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
