import type { FileHandle } from 'node:fs/promises';
import { checkTensors, crcTensor, encodeMetadata } from './contents.ts';
import type { CheckpointContents } from './contents.ts';
import { crc32 } from './crc32.ts';
import { RunningCrcs } from './runningCrcs.ts';
import { encodeHeader } from './safetensors.ts';
import type { TensorEntry } from './safetensors.ts';
import { bytesOf, bytesPerElement, dtypeOf } from './tensorData.ts';

/**
 * The memory that checkpoints are copied into before they are written, kept from one save to the
 * next: filling pages that the process already has takes a fraction of the time of new ones.
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
    const bytes = this.#take(header.bytes.length + header.dataBytes);
    bytes.set(header.bytes);
    for (const [index, { data }] of tensors.entries()) {
      bytes.set(bytesOf(data), header.bytes.length + header.tensors[index].begin);
    }
    const [dataStart, entries] = [header.bytes.length, header.tensors.slice(0, -1)];
    return { bytes, dataStart, tensors: entries, savedAt };
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

/** A checkpoint file in memory, its last tensor (the checksums) still to be filled in. */
export interface Snapshot {
  readonly bytes: Uint8Array;
  readonly dataStart: number;
  /** Without the one that holds the checksums. */
  readonly tensors: readonly TensorEntry[];
  /** ISO 8601, as in the file. */
  readonly savedAt: string;
}

/** Writes `snapshot` to the empty `file`; checksums are computed while the disk works. */
export async function writeSnapshot(file: FileHandle, snapshot: Snapshot): Promise<void> {
  const { bytes, dataStart, tensors } = snapshot;
  const running = new RunningCrcs(tensors);
  const dataEnd = dataStart + (tensors.at(-1)?.end ?? 0);
  const flush = new EarlyFlush(file);
  await writeFully(file, bytes.subarray(0, dataStart), 0);
  const writes: Promise<void>[] = [];
  for (let at = dataStart; at < dataEnd; at += chunkBytes) {
    const chunk = bytes.subarray(at, Math.min(at + chunkBytes, dataEnd));
    const written = writeFully(file, chunk, at);
    // Awaited later, so that the disk never waits for the event loop.
    written.catch(() => undefined);
    writes.push(written);
    running.update(chunk);
    if (writes.length < writesAhead) continue;
    await writes.shift();
    flush.wrote(chunkBytes);
  }
  await Promise.all(writes);
  const crcs = new DataView(bytes.buffer, bytes.byteOffset + dataEnd);
  const header = crc32(bytes.subarray(0, dataStart));
  for (const [index, crc] of [...running.values, header].entries()) {
    crcs.setUint32(4 * index, crc, true);
  }
  await writeFully(file, bytes.subarray(dataEnd), dataEnd);
  await flush.done();
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

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const rest = bytes.length - done;
    const { bytesWritten } = await file.write(bytes, done, rest, position + done);
    done += bytesWritten;
  }
}
