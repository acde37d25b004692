import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { byteSizeText, parseByteSize } from '../../../../runtime/src/data/cache/byteSize.ts';
import { CachedDataset } from '../../../../runtime/src/data/cache/cachedDataset.ts';
import { cacheFolder } from '../../../../runtime/src/data/cache/cacheFolder.ts';
import { CacheStore } from '../../../../runtime/src/data/cache/cacheStore.ts';
import { FillLock } from '../../../../runtime/src/data/cache/fillLock.ts';
import { ownHolder } from '../../../../runtime/src/data/cache/holder.ts';
import { prepareEntry } from '../../../../runtime/src/data/cache/prepareEntry.ts';
import { listening, newFolder, Rows } from './sources.ts';

describe('the size limit', () => {
  it('removes the longest unused entries of ours, and no others', async () => {
    const folder = newFolder();
    const fill = async (name: string, limit?: string) => {
      const dataset = new CachedDataset(new Rows(50, name), { folder, name, limit });
      const report = listening();
      await dataset.prepare(report);
      return { dataset, report };
    };
    const [first, second] = [await fill('first'), await fill('second')];
    const foreign = join(folder, 'lightbox-data', 'f'.repeat(32));
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'big'), Buffer.alloc(500_000));
    utimesSync(join(second.dataset.folder, 'lightbox-entry'), 1, 1);
    const { report } = await fill('third', '500KB');
    expect(report.lines).toContainEqual(
      expect.stringMatching(
        /^Cache: removed second \(206 KB, longest unused\) to stay below 500 KB$/,
      ),
    );
    expect(existsSync(first.dataset.folder)).toBe(true);
    expect(existsSync(second.dataset.folder)).toBe(false);
    expect(existsSync(foreign)).toBe(true);
  });

  it('too small for an entry, leaves the others alone and says so', async () => {
    const folder = newFolder();
    const other = new CachedDataset(new Rows(9, 'other'), { folder });
    await other.prepare(listening());
    const dataset = new CachedDataset(new Rows(50), { folder, limit: '100KB' });
    const report = listening();
    await dataset.prepare(report);
    expect(report.lines.at(-1)).toMatch(
      /about 205 KB does not fit.*limit of 100 KB.*goes on without/,
    );
    expect(dataset.cached).toBe(false);
    expect(dataset.get(7)).toEqual(new Rows(50).get(7));
    expect(existsSync(other.folder)).toBe(true);
  });

  it('reads sizes as people write them', () => {
    expect(['20GB', '500 mb', '1.5KB', '77'].map((text) => parseByteSize(text, 'x'))).toEqual([
      20e9, 5e8, 1500, 77,
    ]);
    expect([0, 999, 1500, 20e9].map(byteSizeText)).toEqual(['0 B', '999 B', '1.5 KB', '20.0 GB']);
    expect(() => parseByteSize('-1', 'x')).toThrow(/got "-1"/);
  });
});

describe('a full disk', () => {
  const request = (folder: string, rows: Rows) => {
    const store = new CacheStore(cacheFolder(folder));
    return {
      store,
      about: { key: 'a'.repeat(64), name: 'rows', source: 'Rows', transform: null, project: '/' },
      samples: rows.length,
      make: (id: number) => rows.get(id),
      limit: 1e9,
      open: () => false,
      report: listening(),
    };
  };

  it('is named with the folder and the way out, and nothing half stays', async () => {
    const folder = newFolder();
    let room = 300_000;
    const files = {
      open: async (path: string, flags: string): Promise<FileHandle> => {
        const handle = await open(path, flags);
        const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
        return Object.assign(handle, {
          write: (bytes: Uint8Array, ...rest: unknown[]) => {
            room -= bytes.length;
            if (room >= 0) return write(bytes, ...rest);
            return Promise.reject(Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC' }));
          },
        });
      },
    };
    await expect(prepareEntry({ ...request(folder, new Rows(200)), files })).rejects.toThrow(
      /The disk of the cache folder .* \(from the option "folder"\) is full\. Free space/,
    );
    const entry = join(folder, 'lightbox-data', 'a'.repeat(32));
    expect(readdirSync(entry)).toEqual(['lightbox-entry']);
  });

  const mounted = mountSmall();
  // Mounting a file system of 1 MB takes root; without it the injected disk above stands for it.
  (mounted === undefined ? it.skip : it)(
    'of its own lets the run go on without a cache',
    async () => {
      const folder = String(mounted);
      try {
        const dataset = new CachedDataset(new Rows(600), { folder });
        const report = listening();
        await dataset.prepare(report);
        expect(report.lines.at(-1)).toMatch(/is full.*The run goes on without a cache of Rows\.$/);
        expect(dataset.get(599)).toEqual(new Rows(600).get(599));
      } finally {
        execFileSync('umount', [folder]);
      }
    },
  );
});

describe('a lock', () => {
  it('of a living holder is respected, of a dead one broken at once', () => {
    const path = join(newFolder(), 'lock');
    const lock = FillLock.take(path);
    expect(FillLock.take(path)).toMatchObject({ pid: process.pid });
    (lock as FillLock).release();
    for (const dead of [
      { ...ownHolder(), pid: 2 ** 22 + 1 },
      { ...ownHolder(), started: 'another boot 1' },
    ]) {
      writeFileSync(path, JSON.stringify(dead));
      const taken = FillLock.take(path);
      expect(taken).toBeInstanceOf(FillLock);
      (taken as FillLock).release();
    }
  });

  it('of another machine is broken only after a minute of silence', () => {
    const path = join(newFolder(), 'lock');
    writeFileSync(path, JSON.stringify({ ...ownHolder(), host: `not-${hostname()}` }));
    expect(FillLock.take(path)).toMatchObject({ host: `not-${hostname()}` });
    const past = Date.now() / 1000 - 61;
    utimesSync(path, past, past);
    expect(FillLock.take(path)).toBeInstanceOf(FillLock);
  });
});

describe('the folder', () => {
  it('is the first that is named', () => {
    const env: Record<string, string> = {
      LIGHTBOX_CACHE: '/a',
      HF_DATASETS_CACHE: '/b',
      HF_HOME: '/c',
      XDG_CACHE_HOME: '/d',
    };
    const seen: string[] = [];
    for (const name of [...Object.keys(env), '']) {
      const { path, from } = cacheFolder(null, env, '/home/me');
      seen.push(`${from}: ${path}`);
      Reflect.deleteProperty(env, name);
    }
    expect(seen).toEqual([
      'LIGHTBOX_CACHE: /a/lightbox-data',
      'HF_DATASETS_CACHE: /b/lightbox-data',
      'HF_HOME: /c/datasets/lightbox-data',
      'XDG_CACHE_HOME: /d/huggingface/datasets/lightbox-data',
      'the home folder: /home/me/.cache/huggingface/datasets/lightbox-data',
    ]);
  });
});

/** A folder on a disk of 1 MB; undefined where that is not allowed. */
function mountSmall(): string | undefined {
  const folder = newFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'lightbox-test', folder], {
      stdio: 'ignore',
    });
    return folder;
  } catch {
    return undefined;
  }
}
