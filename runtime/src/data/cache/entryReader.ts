import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../errors.ts';
import {
  checksum,
  decodeBlocks,
  entryFile,
  readManifest,
  tableBytes,
  type Block,
  type Manifest,
} from './entryFiles.ts';
import { decodeFixed, decodeVariable, encodeSamples, variableSpan } from './sampleCodec.ts';

/** Memory that several threads read an entry through: its blocks and which of them are there. */
export interface SharedBlocks {
  readonly bytes: Uint8Array;
  /** 1 for blocks that were read and checked. */
  readonly ready: Int32Array;
}

export interface ReaderOptions {
  readonly shared?: SharedBlocks | undefined;
  /** Makes samples of a block again; a promise when the source answers later. */
  readonly remake?: ((from: number, to: number) => unknown[] | Promise<unknown[]>) | undefined;
  readonly warn: (line: string) => void;
}

/** An entry up to this size stays in memory once read, shared with loader threads. */
const memoryLimit = 256 * 1024 * 1024;

/** Reads samples of a finished entry; every block is checked when it is first touched. */
export class EntryReader {
  readonly manifest: Manifest;
  /** Undefined for entries too large to be kept in memory. */
  readonly shared: SharedBlocks | undefined;
  readonly #folder: string;
  readonly #file: number;
  readonly #blocks: readonly Block[];
  readonly #ready: Int32Array;
  readonly #options: ReaderOptions;
  #sample: Buffer = Buffer.alloc(0);

  private constructor(
    folder: string,
    file: number,
    manifest: Manifest,
    blocks: readonly Block[],
    options: ReaderOptions,
  ) {
    this.#folder = folder;
    this.#file = file;
    this.manifest = manifest;
    this.#blocks = blocks;
    this.#options = options;
    this.shared =
      options.shared ?? (manifest.dataBytes <= memoryLimit ? allocate(manifest) : undefined);
    this.#ready = this.shared?.ready ?? new Int32Array(blocks.length);
    closer.register(this, file, this);
  }

  /** @returns undefined when there is no finished entry, or its table is not what was written */
  static open(folder: string, options: ReaderOptions): EntryReader | undefined {
    const manifest = readManifest(folder);
    if (manifest === undefined) return undefined;
    let file: number;
    try {
      file = openSync(join(folder, entryFile.data), 'r');
    } catch {
      return undefined;
    }
    const table = Buffer.alloc(tableBytes(manifest.blocks));
    const read = readSync(file, table, 0, table.length, manifest.dataBytes);
    if (read !== table.length || checksum(table) !== manifest.tableCrc) {
      closeSync(file);
      options.warn(`Cache: the table of entry ${folder} is damaged; it is filled anew.`);
      return undefined;
    }
    return new EntryReader(folder, file, manifest, decodeBlocks(table), options);
  }

  /** A copy of sample `id`; a promise only while a damaged block is made again from a slow source. */
  sample(id: number): unknown {
    const waiting = this.#require(this.#blockOf(id));
    return waiting === undefined ? this.#decode(id) : waiting.then(() => this.#decode(id));
  }

  /** The bytes of sample `id` of a fixed layout, good until the next call. */
  bytesOf(id: number): Uint8Array {
    const block = this.#blockOf(id);
    if (this.#require(block) !== undefined) throw this.#corrupt(block);
    return this.#fixedBytes(id);
  }

  /** Checks a block on disk, whatever was read before. */
  check(block: number): boolean {
    return this.#readBlock(block) !== undefined;
  }

  /** Makes a block again from the source and writes it to its place. */
  #rebuild(block: number): Promise<void> | undefined {
    const { rowsPerBlock, samples } = this.manifest;
    const from = block * rowsPerBlock;
    const to = Math.min(samples, from + rowsPerBlock);
    if (this.#options.remake === undefined) throw this.#corrupt(block);
    this.#options.warn(
      `Cache: block ${block} of ${this.manifest.name} is damaged (${this.#folder}); samples ${from} to ${to - 1} are made again.`,
    );
    const made = this.#options.remake(from, to);
    if (made instanceof Promise) return made.then((samples) => this.#replace(block, samples));
    this.#replace(block, made);
    return undefined;
  }

  close(): void {
    closer.unregister(this);
    closeSync(this.#file);
  }

  #blockOf(id: number): number {
    const { samples, rowsPerBlock } = this.manifest;
    if (!(Number.isInteger(id) && id >= 0 && id < samples)) {
      throw new RangeError(`Sample ${id} of ${samples} in the cache.`);
    }
    return Math.floor(id / rowsPerBlock);
  }

  /** Makes sure that a block is there and right. */
  #require(block: number): Promise<void> | undefined {
    if (Atomics.load(this.#ready, block) === 1) return undefined;
    const bytes = this.#readBlock(block);
    if (bytes === undefined) return this.#rebuild(block);
    this.#accept(block, bytes);
    return undefined;
  }

  #accept(block: number, bytes: Uint8Array): void {
    this.shared?.bytes.set(bytes, this.#blocks[block].offset);
    Atomics.store(this.#ready, block, 1);
  }

  #readBlock(block: number): Buffer | undefined {
    const { offset, length, crc } = this.#blocks[block];
    const bytes = Buffer.alloc(length);
    const read = readSync(this.#file, bytes, 0, length, offset);
    return read === length && checksum(bytes) === crc ? bytes : undefined;
  }

  #replace(block: number, samples: readonly unknown[]): void {
    const { offset, length, crc } = this.#blocks[block];
    const bytes = encodeSamples(samples, this.manifest.layout);
    if (bytes?.length !== length || checksum(bytes) !== crc) {
      throw new UsageError(
        'ERR_DATA_CACHE_CHANGED',
        `Block ${block} of ${this.manifest.name} was damaged, and its samples are no longer what they were when they were cached: a transform changed without its version, or is not deterministic. Clear the entry: lightbox-runtime data clear ${this.manifest.key.slice(0, 12)}`,
      );
    }
    try {
      const file = openSync(join(this.#folder, entryFile.data), 'r+');
      try {
        writeSync(file, bytes, 0, length, offset);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      // Without a copy in memory there would be nothing right to read.
      if (this.shared === undefined) throw error;
    }
    this.#accept(block, bytes);
  }

  #decode(id: number): unknown {
    const { layout } = this.manifest;
    if (layout.kind === 'fixed') return decodeFixed(this.#fixedBytes(id), layout.fields);
    const block = this.#blockOf(id);
    const row = id - block * this.manifest.rowsPerBlock;
    const [start, end] = variableSpan(this.#range(block, 0, (row + 2) * 4), row);
    return decodeVariable(this.#range(block, start, end));
  }

  #fixedBytes(id: number): Uint8Array {
    const { layout, rowsPerBlock } = this.manifest;
    if (layout.kind !== 'fixed') throw new RangeError('Samples of variable size have no stride.');
    const block = this.#blockOf(id);
    const start = (id - block * rowsPerBlock) * layout.stride;
    return this.#range(block, start, start + layout.stride);
  }

  /** Part of a checked block: a view of memory, or a positional read. */
  #range(block: number, start: number, end: number): Uint8Array {
    const { offset } = this.#blocks[block];
    if (this.shared !== undefined) return this.shared.bytes.subarray(offset + start, offset + end);
    const length = end - start;
    // Buffers of the pool begin anywhere; views of floats need a multiple of 8.
    if (this.#sample.length < length) this.#sample = Buffer.from(new ArrayBuffer(length));
    readSync(this.#file, this.#sample, 0, length, offset + start);
    return this.#sample.subarray(0, length);
  }

  #corrupt(block: number): UsageError {
    return new UsageError(
      'ERR_DATA_CACHE_CORRUPT',
      `Block ${block} of the cached ${this.manifest.name} is damaged (${this.#folder}). Remove the entry, the next run makes it again: lightbox-runtime data verify --repair`,
    );
  }
}

/** Closes the files of readers that nobody holds any more: datasets have no end of their own. */
const closer = new FinalizationRegistry<number>((file) => {
  closeSync(file);
});

function allocate({ dataBytes, blocks }: Manifest): SharedBlocks {
  return {
    bytes: new Uint8Array(new SharedArrayBuffer(dataBytes)),
    ready: new Int32Array(new SharedArrayBuffer(4 * Math.max(1, blocks))),
  };
}
