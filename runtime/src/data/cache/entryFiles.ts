import { lstatSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { formatVersion } from './cacheKey.ts';
import type { SampleLayout } from './sampleCodec.ts';

/** Names of files in an entry's folder; `data` and `manifest` make a finished entry. */
export const entryFile = {
  marker: 'lightbox-entry',
  manifest: 'manifest.json',
  data: 'data.bin',
  lock: 'lock',
  /** Of an entry that is being filled. */
  part: 'data.part',
  tablePart: 'table.part',
  filling: 'filling.json',
} as const;

/** What is in an entry; written last, so an entry that has one is whole. */
export interface Manifest {
  readonly format: number;
  readonly key: string;
  readonly name: string;
  readonly source: string;
  readonly transform: string | null;
  /** Folder of the project that filled it. */
  readonly project: string;
  readonly created: string;
  readonly samples: number;
  readonly layout: SampleLayout;
  readonly rowsPerBlock: number;
  readonly blocks: number;
  /** Bytes of all blocks; the table of blocks follows them. */
  readonly dataBytes: number;
  readonly tableCrc: number;
}

/** Where a block lies and the crc32 of its bytes. */
export interface Block {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

const recordBytes = 16;
const folderName = /^[0-9a-f]{32}$/;

/** The folder of an entry below the cache's. */
export function entryFolder(root: string, key: string): string {
  return join(root, key.slice(0, 32));
}

/** Folders of entries, finished or not: only those that carry our marker. */
export function listEntryFolders(root: string): string[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return [];
  }
  return names
    .filter((name) => folderName.test(name))
    .map((name) => join(root, name))
    .filter(isOurs);
}

/** The manifest of a finished entry; undefined when there is none that this version can read. */
export function readManifest(folder: string): Manifest | undefined {
  try {
    const text = readFileSync(join(folder, entryFile.manifest), 'utf8');
    const manifest = JSON.parse(text) as Manifest;
    return manifest.format === formatVersion ? manifest : undefined;
  } catch {
    return undefined;
  }
}

export function encodeBlocks(blocks: readonly Block[]): Buffer {
  const bytes = Buffer.alloc(blocks.length * recordBytes);
  blocks.forEach(({ offset, length, crc }, index) => {
    const at = index * recordBytes;
    bytes.writeDoubleLE(offset, at);
    bytes.writeUInt32LE(length, at + 8);
    bytes.writeUInt32LE(crc, at + 12);
  });
  return bytes;
}

/** Whole records of a table; a record that was cut off is left out. */
export function decodeBlocks(bytes: Buffer): Block[] {
  return Array.from({ length: Math.floor(bytes.length / recordBytes) }, (_, index) => {
    const at = index * recordBytes;
    return {
      offset: bytes.readDoubleLE(at),
      length: bytes.readUInt32LE(at + 8),
      crc: bytes.readUInt32LE(at + 12),
    };
  });
}

export function tableBytes(blocks: number): number {
  return blocks * recordBytes;
}

export function checksum(bytes: Uint8Array): number {
  return crc32(bytes);
}

/** When an entry was last opened, milliseconds since 1970. */
export function lastUsed(folder: string): number {
  try {
    return statSync(join(folder, entryFile.marker)).mtimeMs;
  } catch {
    return 0;
  }
}

export function markUsed(folder: string): void {
  try {
    const now = Date.now() / 1000;
    utimesSync(join(folder, entryFile.marker), now, now);
  } catch {
    // A folder that may only be read keeps no record of use.
  }
}

/** Bytes on disk of an entry's files. */
export function sizeOnDisk(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + lstatSync(join(folder, name)).size, 0);
  } catch {
    return 0;
  }
}

function isOurs(folder: string): boolean {
  try {
    return lstatSync(folder).isDirectory() && lstatSync(join(folder, entryFile.marker)).isFile();
  } catch {
    return false;
  }
}
