import * as fs from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { UsageError, messageOf } from '../errors.ts';

export interface AppendFileOptions {
  /** Longest time that text waits in memory, in milliseconds. */
  readonly delay: number;
  /** Most text that may wait; beyond it `append` writes before it returns. */
  readonly queueBytes: number;
}

/**
 * A file that text is appended to in the background. `append` only queues; a full queue is
 * written at once, so memory stays bounded even when nothing yields to the event loop. What could
 * not be written (a full disk) is kept and tried again; `flush` throws while that fails.
 */
export class AppendFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #options: AppendFileOptions;
  readonly #linesAtOnce: number;
  /** Lines that are still to be made; they go behind the queue. */
  #unmade: (() => string)[] = [];
  #queue: (string | Buffer)[] = [];
  /** Within the few bytes more that letters beyond ASCII take. */
  #queuedBytes = 0;
  /** Where the first byte of the queue goes. */
  #position: number;
  #inFlight: Batch | null = null;
  #timer: NodeJS.Timeout | undefined;

  private constructor(path: string, handle: FileHandle, size: number, options: AppendFileOptions) {
    this.path = path;
    this.#handle = handle;
    this.#position = size;
    this.#options = options;
    this.#linesAtOnce = Math.min(mostLinesAtOnce, Math.ceil(options.queueBytes / bytesOfLine));
  }

  /** Opens or creates the file at `path`. @throws UsageError ERR_LOGGER_WRITE */
  static async open(path: string, options: AppendFileOptions): Promise<AppendFile> {
    try {
      const handle = await open(path, fs.constants.O_RDWR | fs.constants.O_CREAT);
      return new AppendFile(path, handle, (await handle.stat()).size, options);
    } catch (error) {
      throw logWriteError(path, error);
    }
  }

  /**
   * Queues what `line` returns. It is called later, with others: between two training steps the
   * processor's caches hold other things, and making a line there takes several times as long.
   * @throws UsageError ERR_LOGGER_WRITE when the queue is full and writing fails
   */
  append(line: () => string): void {
    this.#unmade.push(line);
    if (this.#unmade.length >= this.#linesAtOnce) this.#makeLines();
    if (this.#queuedBytes > this.#options.queueBytes) this.#writeAtOnce();
    else this.#timer ??= setTimeout(() => this.#startBatch(), this.#options.delay).unref();
  }

  /** Waits until everything queued is on the disk. @throws UsageError ERR_LOGGER_WRITE */
  async flush(): Promise<void> {
    this.#makeLines();
    try {
      // So few bytes are written sooner than a thread is asked to.
      if (this.#inFlight === null && this.#queuedBytes < smallBytes) this.#writeAtOnce();
      while (this.#inFlight !== null || this.#queue.length > 0) {
        if (this.#inFlight === null) this.#startBatch();
        const failure = await this.#inFlight?.done;
        if (failure !== undefined) throw logWriteError(this.path, failure);
      }
      await this.#handle.datasync();
    } catch (error) {
      throw logWriteError(this.path, error);
    }
  }

  /** `flush`, then closes the file whether that worked or not. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      clearTimeout(this.#timer);
      await this.#handle.close();
    }
  }

  #makeLines(): void {
    for (const line of this.#unmade) {
      const text = line();
      this.#queue.push(text);
      this.#queuedBytes += text.length;
    }
    this.#unmade.length = 0;
  }

  #startBatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#makeLines();
    if (this.#inFlight !== null || this.#queue.length === 0) return;
    const bytes = joined(this.#queue);
    const batch: Batch = { bytes, position: this.#position, written: false, done: notBegun };
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#position += bytes.length;
    this.#inFlight = batch;
    batch.done = this.#writeBatch(batch);
  }

  async #writeBatch(batch: Batch): Promise<unknown> {
    let failure: unknown;
    try {
      await writeFully(this.#handle, batch);
    } catch (error) {
      failure = error;
    }
    this.#inFlight = null;
    if (failure !== undefined && !batch.written) this.#takeBack(batch);
    else failure = undefined;
    if (this.#queue.length + this.#unmade.length > 0) {
      this.#timer ??= setTimeout(() => this.#startBatch(), this.#options.delay).unref();
    }
    return failure;
  }

  #takeBack(batch: Batch): void {
    this.#queue.unshift(batch.bytes);
    this.#queuedBytes += batch.bytes.length;
    this.#position = batch.position;
  }

  // Bytes go to fixed places: writing the batch in flight a second time changes nothing.
  #writeAtOnce(): void {
    const bytes = joined(this.#queue);
    try {
      if (this.#inFlight !== null) {
        writeFullySync(this.#handle.fd, this.#inFlight);
        this.#inFlight.written = true;
      }
      writeFullySync(this.#handle.fd, { bytes, position: this.#position });
    } catch (error) {
      throw logWriteError(this.path, error);
    }
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#position += bytes.length;
  }
}

/** The error for a log file that cannot be written. */
export function logWriteError(path: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error;
  return new UsageError(
    'ERR_LOGGER_WRITE',
    `The log ${path} could not be written: ${messageOf(error)}. What was logged before is ` +
      'unchanged. Free some space or make the folder writable, then resume.',
    { cause: error },
  );
}

const smallBytes = 64 * 1024;
const mostLinesAtOnce = 64;
const bytesOfLine = 1024;

function joined(texts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(texts.map((text) => (typeof text === 'string' ? Buffer.from(text) : text)));
}

interface Placed {
  readonly bytes: Buffer;
  readonly position: number;
}

interface Batch extends Placed {
  /** Written by somebody else in the meantime. */
  written: boolean;
  /** Why it failed, or undefined. */
  done: Promise<unknown>;
}

const notBegun = Promise.resolve(undefined);

async function writeFully(handle: FileHandle, { bytes, position }: Placed): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const rest = bytes.length - done;
    done += (await handle.write(bytes, done, rest, position + done)).bytesWritten;
  }
}

function writeFullySync(fd: number, { bytes, position }: Placed): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
