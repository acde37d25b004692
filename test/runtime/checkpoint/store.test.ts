import * as fs from 'node:fs/promises';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CheckpointStore, readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import type { FileOps } from '../../../runtime/src/core/atomicFile.ts';
import { inFolder, sampleContents } from './sampleContents.ts';

/** Real files whose named operation fails with `code` while `failing.now`. */
function failingOps(operation: keyof FileOps, code: string): [FileOps, { now: boolean }] {
  const failing = { now: false };
  const fail = (path: string): void => {
    if (!failing.now || !path.includes('.part-')) return;
    throw Object.assign(new Error(`${code}: told to fail`), { code });
  };
  const ops: FileOps = {
    open: async (path, flags) => {
      if (operation === 'open') fail(path);
      return fs.open(path, flags);
    },
    rename: async (from, to) => {
      if (operation === 'rename') fail(from);
      await fs.rename(from, to);
    },
    unlink: (path) => fs.unlink(path),
    readdir: (path) => fs.readdir(path),
    link: (from, to) => fs.link(from, to),
    copyFile: (from, to) => fs.copyFile(from, to),
  };
  return [ops, failing];
}

describe('CheckpointStore', () => {
  it('writes what the arrays held when save returned', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      const data = new Float32Array(2_000_000).fill(1);
      const tensors = [{ name: 'model/w', shape: [data.length], data }];
      const { written } = await store.save({
        file: 'a',
        kinds: ['last'],
        collect: () => ({ ...sampleContents(), tensors }),
      });
      data.fill(2);
      const entry = await written;
      const read = await readCheckpoint(store.pathOf(entry.file));
      expect(new Set<unknown>(read.tensors.get('model/w')?.data)).toEqual(new Set([1]));
    });
  });

  it('writes lent tensors from where they are, and says when they may change', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      const lent = new Float32Array(1_000_001).map((_, index) => index);
      const tensors = [
        { name: 'model/w', shape: [3], data: Float32Array.of(1, 2, 3) },
        { name: 'optim/a', shape: [lent.length], data: lent, lent: true },
        { name: 'optim/b', shape: [2], data: Float32Array.of(4, 5), lent: true },
        { name: 'optim/c', shape: [lent.length], data: lent.toReversed(), lent: true },
        { name: 'ema/w', shape: [3], data: Float32Array.of(6, 7, 8) },
        { name: 'rng/mask', shape: [3], data: Uint8Array.of(1, 0, 255) },
      ];
      const contents = { ...sampleContents(), tensors };
      let released = 0;
      const { written } = await store.save({
        file: 'a',
        kinds: [],
        collect: () => contents,
        release: () => (released += 1),
      });
      expect(released).toBe(0);
      const entry = await written;
      expect(released).toBe(1);
      lent.fill(-1);
      const read = await readCheckpoint(store.pathOf('a.safetensors'));
      expect([...read.tensors.keys()]).toEqual(tensors.map(({ name }) => name));
      expect(read.tensors.get('optim/a')?.data[1_000_000]).toBe(1_000_000);
      expect(read.tensors.get('optim/c')?.data[0]).toBe(1_000_000);
      expect(read.tensors.get('ema/w')?.data).toEqual(tensors[4].data);
      expect((await fs.stat(store.pathOf('a.safetensors'))).size).toBe(entry.bytes);
    });
  });

  it('says that lent tensors may change when a save fails or cannot begin', async () => {
    await inFolder(async (folder) => {
      const [ops, failing] = failingOps('rename', 'ENOSPC');
      const store = await CheckpointStore.open(folder, ops);
      let released = 0;
      const request = { file: 'a', kinds: [], release: () => void (released += 1) };
      failing.now = true;
      const { written } = await store.save({ ...request, collect: () => sampleContents() });
      await expect(written).rejects.toThrow(/ENOSPC/);
      expect(released).toBe(1);
      failing.now = false;
      await store.settle().catch(() => undefined);
      const twice = { ...sampleContents(), tensors: [0, 1].map(() => sampleContents().tensors[0]) };
      await expect(store.save({ ...request, collect: () => twice })).rejects.toThrow(/twice/);
      expect(released).toBe(2);
    });
  });

  it('keeps saves that were asked for at once apart', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      const steps = [1, 2, 3, 4];
      const pending = await Promise.all(
        steps.map((step) =>
          store.save({ file: `s${step}`, kinds: [], collect: () => sampleContents(step) }),
        ),
      );
      await Promise.all(pending.map(({ written }) => written));
      for (const step of steps) {
        const read = await readCheckpoint(join(folder, `s${step}.safetensors`));
        expect(read.info.step).toBe(step);
      }
      expect(store.entries().map((entry) => entry.step)).toEqual(steps);
    });
  });

  it('keeps an index that another store reads', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      await store.save({
        file: 'epoch=1',
        kinds: ['best'],
        monitor: 'val/loss',
        alsoAs: [{ file: 'last', kinds: ['last'] }],
        collect: () => sampleContents(5),
      });
      await store.settle();
      const again = await CheckpointStore.open(folder);
      expect(again.entries()).toEqual(store.entries());
      expect(again.entries()).toMatchObject([
        { file: 'epoch=1.safetensors', step: 5, kinds: ['best'], monitor: 'val/loss' },
        { file: 'last.safetensors', step: 5, kinds: ['last'], values: { 'val/best': Infinity } },
      ]);
      expect((await readCheckpoint(join(folder, 'last.safetensors'))).info.step).toBe(5);
    });
  });

  it('has one best for each monitor', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      const save = async (file: string, monitor: string): Promise<void> => {
        const kinds = ['best', 'last'] as const;
        await store.save({ file, kinds, monitor, collect: () => sampleContents() });
      };
      await save('a', 'val/loss');
      await save('b', 'val/acc');
      await save('c', 'val/loss');
      await store.settle();
      expect(store.entries().map(({ kinds }) => kinds)).toEqual([
        ['top', 'last'],
        ['best', 'last'],
        ['best', 'last'],
      ]);
      await store.tag('a.safetensors', ['best']);
      expect(store.entries().map(({ file, kinds }) => [file[0], kinds[0]])).toEqual([
        ['a', 'best'],
        ['b', 'best'],
        ['c', 'top'],
      ]);
      await expect(store.tag('d.safetensors', [])).rejects.toThrow(/has no checkpoint "d/);
    });
  });

  it('makes the index anew from the files when it is lost or broken', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      await store.save({ file: 'a', kinds: ['last'], collect: () => sampleContents(9) });
      await store.settle();
      for (const broken of [
        '',
        '{"checkpoints":[{"file":"../../etc/passwd"}]}',
        '{"checkpoints":3}',
      ]) {
        await writeFile(join(folder, 'checkpoints.json'), broken);
        const again = await CheckpointStore.open(folder);
        expect(again.entries()).toMatchObject([
          { file: 'a.safetensors', step: 9, kinds: ['last'] },
        ]);
      }
    });
  });

  it('removes files and forgets files that are gone', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      for (const file of ['a', 'b']) {
        await store.save({ file, kinds: [], collect: () => sampleContents() });
      }
      await store.remove('a.safetensors');
      expect(await readdir(folder)).toEqual(['b.safetensors', 'checkpoints.json']);
      await fs.unlink(join(folder, 'b.safetensors'));
      expect((await CheckpointStore.open(folder)).entries()).toEqual([]);
      await expect(store.remove('b.safetensors')).resolves.toBeUndefined();
    });
  });

  it('offers names that are free', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      expect(store.freeName('a')).toBe('a.safetensors');
      for (const file of ['a', 'a-v1']) {
        await store.save({ file, kinds: [], collect: () => sampleContents() });
      }
      await store.settle();
      expect(store.freeName('a')).toBe('a-v2.safetensors');
    });
  });

  it('removes what interrupted saves left, nothing else', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, '.a.safetensors.part-0123456789ab'), 'half');
      await writeFile(join(folder, '.hidden'), 'mine');
      await CheckpointStore.open(folder);
      expect(await readdir(folder)).toEqual(['.hidden']);
    });
  });

  it.each([
    ['open', 'EACCES', 'ERR_CHECKPOINT_PERMISSION'],
    ['open', 'EROFS', 'ERR_CHECKPOINT_PERMISSION'],
    ['open', 'ENOSPC', 'ERR_CHECKPOINT_DISK_FULL'],
    ['rename', 'EDQUOT', 'ERR_CHECKPOINT_DISK_FULL'],
    ['rename', 'EIO', 'ERR_CHECKPOINT_WRITE'],
  ] as const)('%s failing with %s keeps the previous file', async (operation, errno, code) => {
    await inFolder(async (folder) => {
      const [ops, failing] = failingOps(operation, errno);
      const store = await CheckpointStore.open(folder, ops);
      const save = { file: 'last', kinds: ['last'] as const };
      await store.save({ ...save, collect: () => sampleContents(1) });
      await store.settle();
      failing.now = true;
      const { written } = await store.save({ ...save, collect: () => sampleContents(2) });
      await expect(written).rejects.toMatchObject({ code, name: 'UsageError' });
      await expect(store.settle()).rejects.toThrow(/Checkpoints saved earlier are unchanged/);
      expect((await readCheckpoint(join(folder, 'last.safetensors'))).info.step).toBe(1);
      expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
      failing.now = false;
      await store.save({ ...save, collect: () => sampleContents(3) });
      await store.settle();
      expect((await readCheckpoint(join(folder, 'last.safetensors'))).info.step).toBe(3);
    });
  });

  it('says so when the disk fills up in the middle of the file', async () => {
    await inFolder(async (folder) => {
      const ops: FileOps = {
        ...fs,
        open: async (path, flags) => {
          const file = await fs.open(path, flags);
          if (path.includes('.part-')) {
            const write = file.write.bind(file) as (...parts: unknown[]) => Promise<unknown>;
            let calls = 0;
            const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
            const failLater = (...parts: unknown[]): Promise<unknown> =>
              calls++ < 1 ? write(...parts) : Promise.reject(full);
            Object.assign(file, { write: failLater });
          }
          return file;
        },
      };
      const store = await CheckpointStore.open(folder, ops);
      await store.save({ file: 'a', kinds: [], collect: () => sampleContents() });
      await expect(store.settle()).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_DISK_FULL' });
      await expect(store.settle()).resolves.toBeUndefined();
      expect(await readdir(folder)).toEqual([]);
    });
  });

  it('refuses a folder that is a file', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'file');
      await writeFile(path, '');
      await expect(CheckpointStore.open(path)).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_WRITE',
      });
      expect(await readFile(path, 'utf8')).toBe('');
    });
  });
});

/** Real files; `folder` is gone just before the n-th operation. */
function vanishingOps(folder: string, operations: number): { ops: FileOps; left: () => number } {
  let left = operations;
  const before = async <T>(operation: () => Promise<T>): Promise<T> => {
    if (left-- === 0) await fs.rename(folder, `${folder}-gone`);
    return operation();
  };
  const ops: FileOps = {
    open: (path, flags) => before(() => fs.open(path, flags)),
    rename: (from, to) => before(() => fs.rename(from, to)),
    unlink: (path) => before(() => fs.unlink(path)),
    readdir: (path) => before(() => fs.readdir(path)),
    link: (from, to) => before(() => fs.link(from, to)),
    copyFile: (from, to) => before(() => fs.copyFile(from, to)),
  };
  return { ops, left: () => left };
}

describe('a folder that somebody removes in the middle of a save', () => {
  const last = { file: 'last', kinds: ['last'] as const };
  const save = async (store: CheckpointStore, step: number): Promise<void> => {
    const removes = step === 1 ? [] : [`s${step - 1}`];
    await store.save({
      ...{ file: `s${step}`, kinds: ['best'], alsoAs: [last], removes },
      collect: () => sampleContents(step),
    });
    await store.settle();
  };

  it('is made again, with all of the save in it, whenever that happens', async () => {
    await inFolder(async (parent) => {
      let vanished = true;
      let operations = 0;
      for (; vanished; operations++) {
        const folder = join(parent, String(operations));
        const { ops, left } = vanishingOps(folder, operations);
        // What a store does when it opens its folder is not part of a save.
        const store = await CheckpointStore.open(folder, { ...ops, readdir: fs.readdir });
        await save(store, 1);
        await save(store, 2);
        vanished = left() < 0;
        await save(store, 3);
        expect((await readdir(folder)).toSorted()).toEqual([
          'checkpoints.json',
          'last.safetensors',
          's3.safetensors',
        ]);
        const again = await CheckpointStore.open(folder);
        expect(again.entries()).toEqual(store.entries());
        for (const { file } of again.entries()) {
          expect((await readCheckpoint(again.pathOf(file))).info.step).toBe(3);
        }
      }
      expect(operations).toBeGreaterThan(15);
    });
  });

  it('is no reason to lose what somebody else left in it', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(folder);
      await save(store, 1);
      await store.save({ file: 'other', kinds: [], collect: () => sampleContents(1) });
      await store.settle();
      await fs.unlink(store.pathOf('last.safetensors'));
      await store.remove('s1.safetensors');
      expect(store.entries().map(({ file }) => file)).toContain('other.safetensors');
    });
  });
});
