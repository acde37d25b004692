import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { messageOf, UsageError } from '../../errors.ts';
import { resolveDataPath } from '../datasets/dataPath.ts';

const sampledBlocks = 64;
const blockBytes = 65_536;

const descriptors = new FinalizationRegistry<number>((descriptor) => {
  closeSync(descriptor);
});

/**
 * A file read at any position, a part at a time. It stays open until the object is collected.
 * @throws UsageError (ERR_DATA_FILE) for missing and unreadable files
 */
export class RandomAccessFile {
  /** Absolute. */
  readonly path: string;
  /** Bytes of the file when it was opened. */
  readonly size: number;
  readonly #descriptor: number;

  /** @param path a path, or `package:<npm package>/<file>` */
  constructor(path: string) {
    this.path = resolveDataPath(path);
    try {
      this.#descriptor = openSync(this.path, 'r');
    } catch (cause) {
      throw unreadable(this.path, cause);
    }
    const found = fstatSync(this.#descriptor);
    if (found.isDirectory()) {
      closeSync(this.#descriptor);
      throw new UsageError(
        'ERR_DATA_FILE',
        `${this.path} is a folder; a file is needed. Name the file in it.`,
      );
    }
    descriptors.register(this, this.#descriptor);
    this.size = found.size;
  }

  /** @throws UsageError (ERR_DATA_TRUNCATED) when the file ends before `position + length` */
  read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    this.readInto(bytes, position);
    return bytes;
  }

  /** Fills `bytes` with what begins at `position`. */
  readInto(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
      if (count === 0) {
        throw new UsageError(
          'ERR_DATA_TRUNCATED',
          `${this.path} ends at byte ${position + done}, but bytes up to ${position + bytes.length} are needed. Download or copy it again.`,
        );
      }
      done += count;
    }
  }

  /**
   * sha256 of the size and, for files above 4 MB, of 64 blocks spread over it; of all bytes below.
   * Reading everything would make opening a large file as slow as reading it.
   */
  fingerprint(): string {
    const hash = createHash('sha256').update(`${this.size}\n`);
    const all = this.size <= sampledBlocks * blockBytes;
    const blocks = all ? Math.ceil(this.size / blockBytes) : sampledBlocks;
    for (let block = 0; block < blocks; block++) {
      const position = all
        ? block * blockBytes
        : Math.floor((block * (this.size - blockBytes)) / (blocks - 1));
      hash.update(this.read(position, Math.min(blockBytes, this.size - position)));
    }
    return hash.digest('hex');
  }
}

/** The error for a file or folder that the system does not let us read. */
export function unreadable(path: string, cause: unknown): UsageError {
  return new UsageError(
    'ERR_DATA_FILE',
    `${path} cannot be read: ${messageOf(cause)}. Check its permissions.`,
    { cause },
  );
}
