import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../errors.ts';
import { byteSizeText, parseByteSize } from './byteSize.ts';
import { cacheLimitVariable, type CacheFolder } from './cacheFolder.ts';
import {
  entryFile,
  entryFolder,
  lastUsed,
  listEntryFolders,
  readManifest,
  sizeOnDisk,
  type Manifest,
} from './entryFiles.ts';
import { isLocked } from './fillLock.ts';

/** What the folder of an entry shows. */
export interface CacheEntry {
  readonly folder: string;
  /** The first 32 digits of the key, which name the folder. */
  readonly id: string;
  /** Absent while it is being filled, or when filling was cut off. */
  readonly manifest: Manifest | undefined;
  readonly bytes: number;
  readonly lastUsed: Date;
  /** Somebody is filling it now. */
  readonly busy: boolean;
}

const marker = 'lightbox-cache';
const defaultLimit = '50GB';

/** The entries in a cache folder. Touches nothing that does not carry the cache's marker. */
export class CacheStore {
  readonly root: string;
  readonly from: string;

  constructor({ path, from }: CacheFolder) {
    this.root = path;
    this.from = from;
  }

  /** @throws UsageError when the folder cannot be written, or holds somebody else's files */
  makeFolder(key: string): string {
    const folder = entryFolder(this.root, key);
    this.#guarded(() => {
      mkdirSync(this.root, { recursive: true });
      const markerPath = join(this.root, marker);
      if (!existsSync(markerPath)) {
        const others = readdirSync(this.root);
        if (others.length > 0) throw notOurs(this.root, others[0]);
        writeFileSync(markerPath, 'Data cache of lightbox-runtime: lightbox-runtime data ls\n');
      }
      mkdirSync(folder, { recursive: true });
      // The file's time says when the entry was last used.
      writeFileSync(join(folder, entryFile.marker), '', { flag: 'a' });
    });
    return folder;
  }

  entries(): CacheEntry[] {
    return listEntryFolders(this.root).map((folder) => ({
      folder,
      id: folder.slice(-32),
      manifest: readManifest(folder),
      bytes: sizeOnDisk(folder),
      lastUsed: new Date(lastUsed(folder)),
      busy: isLocked(join(folder, entryFile.lock)),
    }));
  }

  /** Removes an entry that nobody is filling. @returns whether it did */
  remove({ folder }: Pick<CacheEntry, 'folder'>): boolean {
    if (!listEntryFolders(this.root).includes(folder)) return false;
    if (isLocked(join(folder, entryFile.lock))) return false;
    this.#guarded(() => {
      // First the manifest: what is left of an entry that is half gone is not one.
      rmSync(join(folder, entryFile.manifest), { force: true });
      rmSync(folder, { recursive: true, force: true });
    });
    return true;
  }

  /**
   * Removes entries, the longest unused first, until `bytes` more fit below `limit`.
   * @param keep folder of the entry that needs the room
   * @returns the entries removed
   * @throws UsageError when the limit is too small for that
   */
  makeRoom(bytes: number, limit: number, keep: string): CacheEntry[] {
    const others = this.entries().filter(({ folder }) => folder !== keep);
    let total = others.reduce((sum, entry) => sum + entry.bytes, 0);
    const oldest = others.filter(({ busy }) => !busy);
    oldest.sort((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
    const removable = oldest.reduce((sum, entry) => sum + entry.bytes, 0);
    if (bytes + total - removable > limit) {
      throw new UsageError(
        'ERR_DATA_CACHE_LIMIT',
        `An entry of about ${byteSizeText(bytes)} does not fit into the cache's limit of ${byteSizeText(limit)} (${this.root}). Raise LIGHTBOX_CACHE_LIMIT or the option "limit".`,
      );
    }
    const removed: CacheEntry[] = [];
    for (const entry of oldest) {
      if (total + bytes <= limit) break;
      if (!this.remove(entry)) continue;
      removed.push(entry);
      total -= entry.bytes;
    }
    return removed;
  }

  /** Explains errors of the file system by the folder and how it was chosen. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (cause) {
      throw folderError(cause, this.root, this.from);
    }
  }
}

/** The limit in bytes: the option, `LIGHTBOX_CACHE_LIMIT`, or 50 GB. */
export function cacheLimit(option?: string | null): number {
  if (option !== undefined && option !== null) {
    return parseByteSize(option, 'The option "limit" of the cache');
  }
  return parseByteSize(cacheLimitVariable() ?? defaultLimit, 'LIGHTBOX_CACHE_LIMIT');
}

/** A failure to write, as an error that names the folder, what chose it, and the way out. */
export function folderError(cause: unknown, root: string, from: string): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UsageError(
      'ERR_DATA_CACHE_FULL',
      `The disk of the cache folder ${root} (from ${from}) is full. Free space (lightbox-runtime data clear), or set LIGHTBOX_CACHE to a folder on another disk.`,
      { cause },
    );
  }
  if (code === undefined || !unwritable.has(code)) return cause;
  return new UsageError(
    'ERR_DATA_CACHE_FOLDER',
    `The cache folder ${root} (from ${from}) cannot be written (${code}). Make it writable, or set LIGHTBOX_CACHE to another folder.`,
    { cause },
  );
}

const unwritable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'EIO']);

function notOurs(root: string, name: string): UsageError {
  return new UsageError(
    'ERR_DATA_CACHE_FOLDER',
    `The folder ${root} is not a cache of lightbox-runtime: it has "${name}", but no file "${marker}". Set LIGHTBOX_CACHE to another folder, or move what is in this one.`,
  );
}
