import { isPlainObject } from './json.ts';

/** A tensor's place in a safetensors file; offsets count from the end of the header. */
export interface TensorPlace<Dtype extends string = string> {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Makes the error of whoever reads: what kind of damage, and what is wrong in words. */
export type HeaderFailure = (kind: 'corrupt' | 'format' | 'truncated', detail: string) => Error;

/** What other readers of the format accept as the longest header. */
export const headerLimit = 100_000_000;
/** Length of the number in front of the header. */
export const prefixBytes = 8;

/**
 * The length of the header that `prefix` (the first 8 bytes) announces.
 * @throws what `fail` makes when it is beyond the limit or the file of `fileBytes` bytes
 */
export function headerLength(prefix: Buffer, fileBytes: number, fail: HeaderFailure): number {
  const length = prefix.readBigUInt64LE();
  if (length > BigInt(headerLimit) || length < 2n) {
    throw fail(
      'corrupt',
      `bytes 0 to 7 announce a header of ${length} bytes, expected 2 to ${headerLimit}`,
    );
  }
  const end = prefixBytes + Number(length);
  if (end > fileBytes) {
    throw fail('truncated', `the header ends at byte ${end}, but the file has ${fileBytes} bytes`);
  }
  return Number(length);
}

/**
 * Reads the header's JSON and checks every name, type, shape and offset.
 * @param json the bytes between the prefix and the data
 * @param bytesPerElement the types that the reader knows
 * @returns the tensors in the order of their bytes, which cover the rest of the file without gaps
 * @throws what `fail` makes
 */
export function parseHeader<Dtype extends string>(
  json: Buffer,
  bytesPerElement: Readonly<Record<Dtype, number>>,
  fail: HeaderFailure,
): { metadata: Record<string, string>; tensors: TensorPlace<Dtype>[] } {
  const header = parseObject(json, fail);
  let metadata: Record<string, string> = {};
  const tensors: TensorPlace<Dtype>[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = parseMetadata(value, fail);
    else tensors.push(parsePlace(name, value, bytesPerElement, fail));
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of tensors) {
    if (begin !== expected) {
      const what = begin < expected ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw fail(
        'format',
        `tensor ${JSON.stringify(name)} begins at data byte ${begin}, expected ${expected}: it ${what}`,
      );
    }
    expected = end;
  }
  return { metadata, tensors };
}

function parseObject(json: Buffer, fail: HeaderFailure): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw fail('corrupt', `the header is not JSON: ${(error as Error).message}`);
  }
  if (!isPlainObject(value)) throw fail('format', 'the header is not a JSON object');
  return value;
}

function parseMetadata(value: unknown, fail: HeaderFailure): Record<string, string> {
  if (!isPlainObject(value) || Object.values(value).some((text) => typeof text !== 'string')) {
    throw fail('format', '"__metadata__" is not an object of strings');
  }
  return value as Record<string, string>;
}

function parsePlace<Dtype extends string>(
  name: string,
  value: unknown,
  bytesPerElement: Readonly<Record<Dtype, number>>,
  fail: HeaderFailure,
): TensorPlace<Dtype> {
  const broken = (detail: string): Error =>
    fail('format', `tensor ${JSON.stringify(name)} ${detail}`);
  if (!isPlainObject(value)) throw broken('is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(bytesPerElement, dtype)) {
    const known = Object.keys(bytesPerElement).join(', ');
    throw broken(`has dtype ${JSON.stringify(dtype)}, expected ${known}`);
  }
  if (!isCounts(shape)) {
    throw broken(`has shape ${JSON.stringify(shape)}, expected whole numbers from 0`);
  }
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw broken(`has offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets;
  const own = dtype as Dtype;
  const needed = shape.reduce((product, size) => product * size, bytesPerElement[own]);
  if (needed !== end - begin) {
    const shapeText = `${dtype} ${JSON.stringify(shape)}`;
    throw broken(`is ${shapeText}, which takes ${needed} bytes, but has ${end - begin}`);
  }
  return { name, dtype: own, shape, begin, end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
