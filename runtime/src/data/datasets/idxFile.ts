import { closeSync, fstatSync, openSync, readSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '../../errors.ts';
import { resolveDataPath } from './dataPath.ts';

/** What the first bytes of an idx file say. */
interface IdxHeader {
  readonly shape: readonly number[];
  readonly bytes: number;
}

/**
 * An idx file of bytes (the format of the MNIST distribution), plain or gzipped. Opening reads and
 * checks the header; the content is read when it is first asked for.
 */
export class IdxFile {
  readonly path: string;
  /** Sizes of all axes; the first counts the items. */
  readonly shape: readonly number[];
  readonly #headerBytes: number;
  #unpacked: Uint8Array | undefined;

  /** @throws UsageError for a missing, foreign or truncated file, with expected and actual sizes */
  constructor(path: string) {
    this.path = resolveDataPath(path);
    const { start, size } = this.#open();
    const header = parseHeader(start, this.path);
    this.shape = header.shape;
    this.#headerBytes = header.bytes;
    const expected = header.bytes + product(header.shape);
    if (size !== expected) {
      throw new UsageError(
        'ERR_DATA_TRUNCATED',
        `${this.path} is ${size < expected ? 'cut short' : 'too long'}: its header promises [${header.shape.join(', ')}] bytes, ${expected} in all; the file has ${size}. Download or copy it again.`,
      );
    }
  }

  /** Bytes of items `from` .. `from + count - 1`, row-major. */
  read(from: number, count: number): Uint8Array {
    const item = product(this.shape.slice(1));
    const start = this.#headerBytes + from * item;
    if (this.#unpacked !== undefined) return this.#unpacked.subarray(start, start + count * item);
    const bytes = new Uint8Array(count * item);
    const file = openSync(this.path, 'r');
    try {
      let done = 0;
      while (done < bytes.length) {
        const read = readSync(file, bytes, done, bytes.length - done, start + done);
        if (read === 0) throw new UsageError('ERR_DATA_TRUNCATED', `${this.path} became shorter.`);
        done += read;
      }
    } finally {
      closeSync(file);
    }
    return bytes;
  }

  #open(): { start: Uint8Array; size: number } {
    const start = new Uint8Array(64);
    const file = openSync(this.path, 'r');
    try {
      const read = readSync(file, start, 0, start.length, 0);
      if (start[0] !== 0x1f || start[1] !== 0x8b) {
        return { start: start.subarray(0, read), size: fstatSync(file).size };
      }
    } finally {
      closeSync(file);
    }
    const unpacked = unzip(this.path);
    this.#unpacked = unpacked;
    return { start: unpacked, size: unpacked.length };
  }
}

function unzip(path: string): Uint8Array {
  try {
    return gunzipSync(readFileSync(path));
  } catch (cause) {
    throw new UsageError(
      'ERR_DATA_TRUNCATED',
      `${path} is a damaged or incomplete gzip file (${cause instanceof Error ? cause.message : String(cause)}).`,
      { cause },
    );
  }
}

function parseHeader(start: Uint8Array, path: string): IdxHeader {
  const axes = start[3];
  const bytes = 4 + 4 * axes;
  if (start.length < 4 || start[0] !== 0 || start[1] !== 0 || axes < 1 || axes > 8) {
    const found = [...start.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0'));
    throw new UsageError(
      'ERR_DATA_FORMAT',
      `${path} is no idx file: expected it to begin with 00 00 08 and the number of axes, got ${found.join(' ') || 'an empty file'}.`,
    );
  }
  if (start[2] !== 0x08) {
    throw new UsageError(
      'ERR_DATA_FORMAT',
      `${path} holds idx values of type 0x${start[2].toString(16).padStart(2, '0')}; only unsigned bytes (0x08) are supported.`,
    );
  }
  if (start.length < bytes) {
    throw new UsageError(
      'ERR_DATA_TRUNCATED',
      `${path} ends inside its header: expected ${bytes} bytes, got ${start.length}.`,
    );
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  return { bytes, shape: Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis)) };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
