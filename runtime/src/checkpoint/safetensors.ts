import * as header from '../core/safetensorsHeader.ts';
import { headerLimit, prefixBytes, type TensorPlace } from '../core/safetensorsHeader.ts';
import { CheckpointProblem } from './problem.ts';
import { bytesPerElement, dtypeOf } from './tensorData.ts';
import type { Dtype, TensorData } from './tensorData.ts';

/** A tensor's place in a checkpoint. */
export type TensorEntry = TensorPlace<Dtype>;

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes, which cover the rest of the file without gaps. */
  readonly tensors: readonly TensorEntry[];
}

export { headerLimit, prefixBytes };

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

const fail: header.HeaderFailure = (kind, detail) => new CheckpointProblem(kind, detail);

/**
 * The length of the header that `prefix` (the first 8 bytes) announces.
 * @throws CheckpointProblem when it is beyond the limit or the file of `fileBytes` bytes
 */
export function headerLength(prefix: Buffer, fileBytes: number): number {
  return header.headerLength(prefix, fileBytes, fail);
}

/**
 * Reads the header's JSON and checks every name, type, shape and offset.
 * @param json the bytes between the prefix and the data
 * @throws CheckpointProblem
 */
export function parseHeader(json: Buffer): SafetensorsHeader {
  return header.parseHeader(json, bytesPerElement, fail);
}
