import type { FileHandle } from 'node:fs/promises';
import { crcTensor, decodeMetadata, formatKey, stateKey } from './contents.ts';
import type { Checkpoint, SaveRecord } from './contents.ts';
import { crc32 } from './crc32.ts';
import { CheckpointProblem } from './problem.ts';
import { RunningCrcs } from './runningCrcs.ts';
import { headerLength, parseHeader, prefixBytes } from './safetensors.ts';
import type { SafetensorsHeader, TensorEntry } from './safetensors.ts';
import { viewAs } from './tensorData.ts';
import type { NamedTensor } from './tensorData.ts';

/** What a checkpoint's verified header says. */
export interface CheckpointHeader {
  readonly info: Checkpoint['info'];
  readonly state: Checkpoint['state'];
  /** Null in files that were not saved by a store. */
  readonly save: SaveRecord | null;
  /** In file order, the checksums' own tensor left out. */
  readonly tensors: readonly TensorEntry[];
  readonly dataStart: number;
  /** Where in the data the checksums begin. */
  readonly crcBegin: number;
}

/**
 * Reads and checks everything but the tensors' values.
 * @param fileBytes the file's size
 * @throws CheckpointProblem
 */
export async function readHeader(file: FileHandle, fileBytes: number): Promise<CheckpointHeader> {
  if (fileBytes < prefixBytes + 2) {
    const least = prefixBytes + 2;
    throw new CheckpointProblem(
      'truncated',
      `it has ${fileBytes} bytes, expected ${least} or more`,
    );
  }
  const prefix = await readBytes(file, 0, prefixBytes);
  const length = headerLength(prefix, fileBytes);
  const json = await readBytes(file, prefixBytes, length);
  const computed = crc32(json, crc32(prefix));
  const stored = (await readBytes(file, fileBytes - 4, 4)).readUInt32LE();
  const dataStart = prefixBytes + length;
  if (computed !== stored) throw diagnose(json, dataStart, fileBytes, { computed, stored });
  const header = parseHeader(json);
  checkSize(header, dataStart, fileBytes);
  return { ...decodeMetadata(header.metadata), ...splitCrcs(header.tensors), dataStart };
}

/**
 * Reads the tensors and checks each against its checksum.
 * @throws CheckpointProblem that names the first damaged tensor
 */
export async function readTensors(
  file: FileHandle,
  header: CheckpointHeader,
): Promise<Map<string, NamedTensor>> {
  const { tensors, dataStart, crcBegin } = header;
  const data = new Uint8Array(crcBegin + 4 * (tensors.length + 1));
  const running = new RunningCrcs(tensors);
  await readChunks(file, dataStart, data, (chunk) => {
    running.update(chunk);
  });
  const stored = new DataView(data.buffer, crcBegin);
  const result = new Map<string, NamedTensor>();
  for (const [index, { name, dtype, shape, begin, end }] of tensors.entries()) {
    const expected = stored.getUint32(4 * index, true);
    const got = running.values[index];
    if (expected !== got) {
      const place = `bytes ${dataStart + begin} to ${dataStart + end}`;
      throw new CheckpointProblem(
        'corrupt',
        `tensor ${JSON.stringify(name)} (${place}) has checksum ${hex(got)}, expected ${hex(expected)}`,
      );
    }
    result.set(name, { name, shape, data: viewAs(dtype, data.subarray(begin, end)) });
  }
  return result;
}

/** Says why the header's checksum is wrong: cut short, never ours, or damaged. */
function diagnose(
  json: Buffer,
  dataStart: number,
  fileBytes: number,
  crc: { computed: number; stored: number },
): CheckpointProblem {
  const damaged = new CheckpointProblem(
    'corrupt',
    `the header (bytes 0 to ${dataStart}) has checksum ${hex(crc.computed)}, ` +
      `expected ${hex(crc.stored)}`,
  );
  try {
    const header = parseHeader(json);
    checkSize(header, dataStart, fileBytes);
    if (isOurs(header)) return damaged;
    return new CheckpointProblem(
      'format',
      `it is a safetensors file without "${formatKey}" in its metadata`,
    );
  } catch (error) {
    const truncated = error instanceof CheckpointProblem && error.kind === 'truncated';
    return truncated ? error : damaged;
  }
}

// By any of its marks: the damage may have hit one of them.
function isOurs({ metadata, tensors }: SafetensorsHeader): boolean {
  return formatKey in metadata || stateKey in metadata || tensors.at(-1)?.name === crcTensor;
}

function checkSize(header: SafetensorsHeader, dataStart: number, fileBytes: number): void {
  const expected = dataStart + (header.tensors.at(-1)?.end ?? 0);
  if (fileBytes === expected) return;
  throw new CheckpointProblem(
    fileBytes < expected ? 'truncated' : 'corrupt',
    `it has ${fileBytes} bytes, expected ${expected}`,
  );
}

function splitCrcs(all: readonly TensorEntry[]): { tensors: TensorEntry[]; crcBegin: number } {
  const tensors = all.slice(0, -1);
  const crcs = all.at(-1);
  if (crcs?.name !== crcTensor || crcs.end - crcs.begin !== 4 * all.length) {
    throw new CheckpointProblem(
      'format',
      `its last tensor is expected to be "${crcTensor}" with ${4 * all.length} bytes`,
    );
  }
  return { tensors, crcBegin: crcs.begin };
}

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await readFully(file, bytes, position);
  return bytes;
}

// While one chunk is summed, the next ones are being read.
async function readChunks(
  file: FileHandle,
  position: number,
  into: Uint8Array,
  use: (chunk: Uint8Array) => void,
): Promise<void> {
  const starts = Array.from(
    { length: Math.ceil(into.length / chunkBytes) },
    (_, index) => index * chunkBytes,
  );
  const begin = (at: number): Promise<Uint8Array> => {
    const chunk = into.subarray(at, at + chunkBytes);
    const reading = readFully(file, chunk, position + at).then(() => chunk);
    // Awaited in its turn.
    reading.catch(() => undefined);
    return reading;
  };
  const reads = starts.splice(0, readsAhead).map(begin);
  for (let next = reads.shift(); next !== undefined; next = reads.shift()) {
    const chunk = await next;
    const at = starts.shift();
    if (at !== undefined) reads.push(begin(at));
    use(chunk);
  }
}

const readsAhead = 3;
const chunkBytes = 4 * 1024 * 1024;

async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) {
      throw new CheckpointProblem(
        'truncated',
        `it ends at byte ${position + done} while being read`,
      );
    }
    done += bytesRead;
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
