import { isPlainObject } from '../core/json.ts';
import { CheckpointProblem } from './problem.ts';
import { bytesPerElement, dtypeOf, isDtype } from './tensorData.ts';
import type { Dtype, TensorData } from './tensorData.ts';

/** A tensor's place in a safetensors file; offsets count from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes, which cover the rest of the file without gaps. */
  readonly tensors: readonly TensorEntry[];
}

/** What other readers of the format accept as the longest header. */
export const headerLimit = 100_000_000;
/** Length of the number in front of the header. */
export const prefixBytes = 8;

/**
 * The first bytes of a safetensors file: the length, then the JSON padded so that the data begins
 * at a multiple of 8. Tensors are laid out in the order given, without gaps.
 */
export function encodeHeader(
  metadata: Readonly<Record<string, string>>,
  tensors: readonly { name: string; shape: readonly number[]; data: TensorData }[],
): { bytes: Buffer; tensors: TensorEntry[]; dataBytes: number } {
  const members = [`"__metadata__":${JSON.stringify(metadata)}`];
  const entries: TensorEntry[] = [];
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    const end = offset + data.byteLength;
    const dtype = dtypeOf(data);
    entries.push({ name, dtype, shape, begin: offset, end });
    const description = JSON.stringify({ dtype, shape, data_offsets: [offset, end] });
    members.push(`${JSON.stringify(name)}:${description}`);
    offset = end;
  }
  const json = Buffer.from(`{${members.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > headerLimit) {
    throw new CheckpointProblem(
      'format',
      `its header with the state would take ${padded} bytes, the format allows ${headerLimit}`,
    );
  }
  const bytes = Buffer.alloc(prefixBytes + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded));
  json.copy(bytes, prefixBytes);
  return { bytes, tensors: entries, dataBytes: offset };
}

/**
 * The length of the header that `prefix` (the first 8 bytes) announces.
 * @throws CheckpointProblem when it is beyond the limit or the file of `fileBytes` bytes
 */
export function headerLength(prefix: Buffer, fileBytes: number): number {
  const length = prefix.readBigUInt64LE();
  if (length > BigInt(headerLimit) || length < 2n) {
    throw new CheckpointProblem(
      'corrupt',
      `bytes 0 to 7 announce a header of ${length} bytes, expected 2 to ${headerLimit}`,
    );
  }
  const end = prefixBytes + Number(length);
  if (end > fileBytes) {
    throw new CheckpointProblem(
      'truncated',
      `the header ends at byte ${end}, but the file has ${fileBytes} bytes`,
    );
  }
  return Number(length);
}

/**
 * Reads the header's JSON and checks every name, type, shape and offset.
 * @param json the bytes between the prefix and the data
 * @throws CheckpointProblem
 */
export function parseHeader(json: Buffer): SafetensorsHeader {
  const header = parseObject(json);
  let metadata: Record<string, string> = {};
  const tensors: TensorEntry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = parseMetadata(value);
    else tensors.push(parseEntry(name, value));
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of tensors) {
    if (begin !== expected) {
      const what = begin < expected ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw broken(name, `begins at data byte ${begin}, expected ${expected}: it ${what}`);
    }
    expected = end;
  }
  return { metadata, tensors };
}

function parseObject(json: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw new CheckpointProblem('corrupt', `the header is not JSON: ${(error as Error).message}`);
  }
  if (!isPlainObject(value)) {
    throw new CheckpointProblem('format', 'the header is not a JSON object');
  }
  return value;
}

function parseMetadata(value: unknown): Record<string, string> {
  if (!isPlainObject(value) || Object.values(value).some((text) => typeof text !== 'string')) {
    throw new CheckpointProblem('format', '"__metadata__" is not an object of strings');
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown): TensorEntry {
  if (!isPlainObject(value)) throw broken(name, 'is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    throw broken(name, `has dtype ${JSON.stringify(dtype)}, expected ${isDtype.expected}`);
  }
  if (!isCounts(shape)) {
    throw broken(name, `has shape ${JSON.stringify(shape)}, expected whole numbers from 0`);
  }
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw broken(name, `has offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets;
  const needed = shape.reduce((product, size) => product * size, bytesPerElement[dtype]);
  if (needed !== end - begin) {
    const shapeText = `${dtype} ${JSON.stringify(shape)}`;
    throw broken(name, `is ${shapeText}, which takes ${needed} bytes, but has ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function broken(name: string, detail: string): CheckpointProblem {
  return new CheckpointProblem('format', `tensor ${JSON.stringify(name)} ${detail}`);
}
