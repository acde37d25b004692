import type { FileHandle } from 'node:fs/promises';
import { checkTensors, crcTensor, encodeMetadata } from './contents.ts';
import type { CheckpointContents } from './contents.ts';
import { crc32 } from './crc32.ts';
import { RunningCrcs } from './runningCrcs.ts';
import { encodeHeader } from './safetensors.ts';
import type { TensorEntry } from './safetensors.ts';
import { bytesOf, bytesPerElement, dtypeOf } from './tensorData.ts';
import type { NamedTensor } from './tensorData.ts';

/**
 * The memory that checkpoints are copied into before they are written, kept from one save to the
 * next: filling pages that the process already has takes a fraction of the time of new ones. Large
 * tensors that are lent are not copied.
 */
export class SnapshotBuffer {
  #memory = new Uint8Array(0);

  /**
   * Copies `contents` as the file will be, without the checksums. Synchronous, so that nothing
   * can change half-way. What is returned is valid until the next `fill`.
   * @throws UsageError ERR_CHECKPOINT_TENSOR, ERR_CHECKPOINT_STATE
   */
  fill(contents: CheckpointContents): Snapshot {
    checkTensors(contents.tensors);
    const savedAt = new Date().toISOString();
    // Large elements first: then every tensor is aligned, as some readers need it to be.
    const tensors = contents.tensors.toSorted(
      (a, b) => bytesPerElement[dtypeOf(b.data)] - bytesPerElement[dtypeOf(a.data)],
    );
    const crcs = new Uint8Array(4 * (tensors.length + 1));
    const all = [...tensors, { name: crcTensor, shape: [crcs.length], data: crcs }];
    const header = encodeHeader(encodeMetadata(contents, savedAt), all);
    const copies = this.#take(copiedBytes(tensors));
    const data: Uint8Array[] = [];
    // Of `copies`: where the piece that is being put together starts, and where it ends.
    let [start, end] = [0, 0];
    for (const tensor of tensors) {
      const bytes = bytesOf(tensor.data);
      if (!staysWhereItIs(tensor)) {
        copies.set(bytes, end);
        end += bytes.length;
        continue;
      }
      data.push(copies.subarray(start, end), bytes);
      start = end;
    }
    data.push(copies.subarray(start, end));
    const length = header.bytes.length + header.dataBytes;
    return { header: header.bytes, data, tensors: header.tensors.slice(0, -1), length, savedAt };
  }

  /** Takes and touches memory for `length` bytes. */
  reserve(length: number): void {
    if (this.#memory.length < length) this.#memory = new Uint8Array(length).fill(1);
  }

  #take(length: number): Uint8Array {
    if (this.#memory.length < length) this.#memory = new Uint8Array(length);
    return this.#memory.subarray(0, length);
  }
}

/** What a snapshot of `tensors` copies. */
export function copiedBytes(tensors: readonly NamedTensor[]): number {
  return tensors.reduce(
    (sum, tensor) => (staysWhereItIs(tensor) ? sum : sum + tensor.data.byteLength),
    0,
  );
}

/** Small ones are copied all the same: one write for many of them is faster. */
function staysWhereItIs({ data, lent }: NamedTensor): boolean {
  return lent === true && data.byteLength >= leastLent;
}

const leastLent = 1024 * 1024;

/** A checkpoint file in memory, without its last tensor (the checksums). */
export interface Snapshot {
  readonly header: Uint8Array;
  /** The values of all tensors in the order of the file, in pieces. */
  readonly data: readonly Uint8Array[];
  /** Without the one that holds the checksums. */
  readonly tensors: readonly TensorEntry[];
  /** Bytes of the whole file. */
  readonly length: number;
  /** ISO 8601, as in the file. */
  readonly savedAt: string;
}

/** Writes `snapshot` to the empty `file`; checksums are computed while the disk works. */
export async function writeSnapshot(file: FileHandle, snapshot: Snapshot): Promise<void> {
  const { header, data, tensors, length } = snapshot;
  const running = new RunningCrcs(tensors);
  const flush = new EarlyFlush(file);
  await writeFully(file, header, 0);
  let at = header.length;
  const writes: Promise<number>[] = [];
  for (const chunk of data.flatMap(inChunks)) {
    const written = writeFully(file, chunk, at);
    at += chunk.length;
    // Awaited later, so that the disk never waits for the event loop.
    written.catch(() => undefined);
    writes.push(written);
    running.update(chunk);
    if (writes.length < writesAhead) continue;
    flush.wrote((await writes.shift()) ?? 0);
  }
  await Promise.all(writes);
  const crcs = new DataView(new ArrayBuffer(length - at));
  for (const [index, crc] of [...running.values, crc32(header)].entries()) {
    crcs.setUint32(4 * index, crc, true);
  }
  await writeFully(file, new Uint8Array(crcs.buffer), at);
  await flush.done();
}

function inChunks(piece: Uint8Array): Uint8Array[] {
  const count = Math.ceil(piece.length / chunkBytes);
  return Array.from({ length: count }, (_, index) =>
    piece.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
}

/** Sends what is written to the disk while the rest is being written and summed. */
class EarlyFlush {
  readonly #file: FileHandle;
  #waiting = 0;
  #flushing: Promise<void> | null = null;
  #failure: unknown;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  wrote(bytes: number): void {
    this.#waiting += bytes;
    if (this.#flushing !== null || this.#waiting < flushBytes) return;
    this.#waiting = 0;
    this.#flushing = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#flushing = null;
      });
  }

  /** @throws what a flush threw: the kernel tells of a lost page only once */
  async done(): Promise<void> {
    await this.#flushing;
    if (this.#failure !== undefined) throw this.#failure as Error;
  }
}

const writesAhead = 3;
const flushBytes = 24 * 1024 * 1024;

// About a millisecond of checksums: the event loop is never held up longer than that.
const chunkBytes = 4 * 1024 * 1024;

/** @returns the bytes written: all */
async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const rest = bytes.length - done;
    const { bytesWritten } = await file.write(bytes, done, rest, position + done);
    done += bytesWritten;
  }
  return done;
}
