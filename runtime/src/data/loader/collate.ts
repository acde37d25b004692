import { inspect } from 'node:util';
import type { HostBatch, HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import { LightboxError, UsageError } from '../../errors.ts';
import { allocateColumn, type Column } from '../batchReader.ts';

/** What a collate function may know beside the samples. */
export interface CollateContext {
  /** Declared types of the samples' fields. */
  readonly columns: Readonly<Record<string, Column>>;
  /** Names a sample for messages: `sample 12 of dataset "digits"`. */
  describe(row: number): string;
  /** Memory for `rows` samples of a column, with anything in it. Default: an array of its own. */
  readonly allocate?: ((column: Column, rows: number) => HostTensor['data']) | undefined;
}

/** Makes one batch of several samples. */
export type Collate<Sample = unknown> = (
  samples: readonly Sample[],
  context: CollateContext,
) => HostBatch;

/**
 * Stacks samples of equal structure along a new first axis: objects and tuples field by field,
 * numbers, booleans, typed arrays, host tensors and (nested) arrays of numbers into host tensors,
 * strings into a list. Numbers become float32 unless their column says otherwise; 64-bit floats
 * become float32 and integer arrays int32. Host tensors of int32 whose samples are all bytes stay
 * bytes in memory, a quarter of the size.
 * @throws UsageError naming the field and both samples when shapes, types or keys differ
 */
export const collateSamples: Collate = (samples, context) => {
  if (samples.length === 0) throw new LightboxError('ERR_DATA_COLLATE', 'An empty batch.');
  return stack(samples, '', { ...context, column: undefined });
};

interface FieldContext extends CollateContext {
  readonly column: Column | undefined;
}

function stack(values: readonly unknown[], path: string, context: FieldContext): HostBatch {
  const first = values[0];
  if (typeof first === 'string') return stackStrings(values, path, context);
  if (first === null || first === undefined) return stackNulls(values, path, context);
  if (typeof first === 'number' || typeof first === 'boolean') {
    return stackScalars(values, path, context);
  }
  const tensor = asTensor(first, path);
  if (tensor !== undefined) return stackTensors(values, tensor, path, context);
  if (Array.isArray(first)) return stackTuples(values, first, path, context);
  if (isPlainObject(first)) return stackObjects(values, first, path, context);
  throw new UsageError(
    'ERR_DATA_COLLATE',
    `${place(path)} of ${context.describe(0)} is ${kindOf(first)}, which cannot be put into a batch. ` +
      (typeof first === 'bigint'
        ? 'Make it a number or a string in the dataset: tensors hold no 64-bit integers. '
        : '') +
      'Use numbers, strings, typed arrays, { data, shape, dtype } or a collate function of your own.',
  );
}

function stackScalars(values: readonly unknown[], path: string, context: FieldContext): HostTensor {
  const kind = typeof values[0];
  const dtype = context.column?.dtype ?? (kind === 'boolean' ? 'bool' : 'float32');
  const data = allocateColumn({ dtype, shape: [] }, values.length);
  values.forEach((value, row) => {
    if (typeof value !== kind) mismatch(row, kind, kindOf(value), path, context);
    if (dtype === 'int32' && !Number.isInteger(Number(value))) {
      mismatch(row, 'a whole number (int32)', String(value), path, context);
    }
    data[row] = Number(value);
  });
  return { data, shape: [values.length], dtype };
}

function stackTensors(
  values: readonly unknown[],
  first: HostTensor,
  path: string,
  context: FieldContext,
): HostTensor {
  const { allocate = allocateColumn } = context;
  const length = first.data.length;
  const { dtype, shape } = first;
  let bytes = dtype === 'int32' && isBytes(first.data);
  let data = allocate({ dtype: bytes ? 'bool' : dtype, shape }, values.length);
  for (let row = 0; row < values.length; row++) {
    const tensor = row === 0 ? first : asTensor(values[row], path);
    if (tensor === undefined) {
      return mismatch(row, `shape [${first.shape.join(', ')}]`, kindOf(values[row]), path, context);
    }
    if (tensor.dtype !== first.dtype || !sameShape(tensor.shape, first.shape)) {
      const lengths =
        tensor.dtype === first.dtype && sameShape(tensor.shape.slice(1), first.shape.slice(1));
      const hint = lengths ? paddingHint(path) : undefined;
      mismatch(row, layoutOf(first), layoutOf(tensor), path, context, hint);
    }
    if (bytes && !isBytes(tensor.data)) {
      data = Int32Array.from(data);
      bytes = false;
    }
    data.set(tensor.data, row * length);
  }
  return { data, shape: [values.length, ...shape], dtype };
}

function isBytes(data: ArrayBufferView): boolean {
  return Object.prototype.toString.call(data) === '[object Uint8Array]';
}

function stackObjects(
  values: readonly unknown[],
  first: Record<string, unknown>,
  path: string,
  context: FieldContext,
): HostBatch {
  const keys = Object.keys(first);
  values.forEach((value, row) => {
    const own = isPlainObject(value) ? Object.keys(value) : undefined;
    if (
      own === undefined ||
      own.length !== keys.length ||
      !keys.every((key) => own.includes(key))
    ) {
      mismatch(row, `keys ${keys.join(', ')}`, own?.join(', ') ?? kindOf(value), path, context);
    }
  });
  const batch: Record<string, HostBatch> = {};
  for (const key of keys) {
    const column = path === '' ? context.columns[key] : undefined;
    const fields = values.map((value) => (value as Record<string, unknown>)[key]);
    batch[key] = stack(fields, path === '' ? key : `${path}.${key}`, { ...context, column });
  }
  return batch;
}

function stackTuples(
  values: readonly unknown[],
  first: readonly unknown[],
  path: string,
  context: FieldContext,
): HostBatch {
  values.forEach((value, row) => {
    if (!Array.isArray(value) || value.length !== first.length) {
      const got = Array.isArray(value) ? `${value.length}` : kindOf(value);
      mismatch(row, `${first.length} items`, got, path, context);
    }
  });
  return first.map((_, index) =>
    stack(
      values.map((value) => (value as unknown[])[index]),
      `${path}[${index}]`,
      { ...context, column: undefined },
    ),
  );
}

function stackStrings(values: readonly unknown[], path: string, context: FieldContext): string[] {
  values.forEach((value, row) => {
    if (typeof value !== 'string') mismatch(row, 'a string', kindOf(value), path, context);
  });
  return values as string[];
}

function stackNulls(values: readonly unknown[], path: string, context: FieldContext): null[] {
  values.forEach((value, row) => {
    if (value !== null && value !== undefined)
      mismatch(row, 'nothing', kindOf(value), path, context);
  });
  return values.map(() => null);
}

/** Typed arrays, host tensors and regular arrays of numbers as one tensor; undefined for the rest. */
export function asTensor(value: unknown, path: string): HostTensor | undefined {
  if (ArrayBuffer.isView(value)) return typedArrayTensor(value, path);
  if (Array.isArray(value)) return numberArrayTensor(value);
  if (typeof value === 'object' && value !== null && 'data' in value && 'shape' in value) {
    return ArrayBuffer.isView(value.data) ? (value as HostTensor) : undefined;
  }
  return undefined;
}

// By tag, not instanceof: arrays made in another realm are as good.
const convertible: Record<string, 'float32' | 'int32'> = {
  Float32Array: 'float32',
  Float64Array: 'float32',
  Int8Array: 'int32',
  Int16Array: 'int32',
  Int32Array: 'int32',
  Uint8Array: 'int32',
  Uint8ClampedArray: 'int32',
  Uint16Array: 'int32',
};

function typedArrayTensor(view: ArrayBufferView, path: string): HostTensor {
  const tag = Object.prototype.toString.call(view).slice(8, -1);
  const dtype = convertible[tag];
  if (dtype === undefined) {
    throw new UsageError(
      'ERR_DATA_COLLATE',
      `${place(path)} is a ${tag}; batches hold float32, int32 and bool. Convert it in the dataset.`,
    );
  }
  const values = view as Float32Array | Int32Array;
  const exact = tag === 'Float32Array' || tag === 'Int32Array';
  const data = exact
    ? values
    : dtype === 'float32'
      ? Float32Array.from(values)
      : Int32Array.from(values);
  return { data, shape: [values.length], dtype };
}

function numberArrayTensor(value: readonly unknown[]): HostTensor | undefined {
  const shape: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: unknown[] = value.flat(shape.length - 1);
  const size = shape.reduce((product, length) => product * length, 1);
  if (flat.length !== size || size === 0) return undefined;
  if (!flat.every((item) => typeof item === 'number')) return undefined;
  return { data: Float32Array.from(flat), shape, dtype: 'float32' };
}

function mismatch(
  row: number,
  expected: string,
  got: string,
  path: string,
  context: FieldContext,
  hint = 'Samples of one batch need the same structure, shapes and types.',
): never {
  throw new UsageError(
    'ERR_DATA_COLLATE',
    `${place(path)} of ${context.describe(row)}: expected ${expected} as in ${context.describe(0)}, got ${got}. ` +
      hint,
  );
}

/** The way out where nothing but the length differs. */
function paddingHint(path: string): string {
  return `Pad them to one length: collate: padCollate({ field: '${path}' }), or make them equal in a transform.`;
}

function place(path: string): string {
  return path === '' ? 'The sample value' : `Field "${path}"`;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return Object.prototype.toString.call(value).slice(8, -1);
  return `${typeof value} ${inspect(value)}`;
}

function layoutOf(tensor: HostTensor): string {
  return `${tensor.dtype} [${tensor.shape.join(', ')}]`;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
