import * as fs from 'node:fs/promises';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CheckpointStore } from '../../../runtime/src/checkpoint/index.ts';
import type { FileOps } from '../../../runtime/src/core/atomicFile.ts';
import { inFolder, sampleContents } from './sampleContents.ts';

/** Real files; the process "dies" before the n-th change of a name: nothing after it happens. */
function dyingOps(changes: number): { ops: FileOps; died: Promise<void> } {
  let left = changes;
  let die = (): void => undefined;
  const died = new Promise<void>((resolve) => {
    die = resolve;
  });
  const change = async (make: () => Promise<void>): Promise<void> => {
    if (left-- <= 0) {
      die();
      await new Promise(() => undefined);
    }
    await make();
  };
  const ops: FileOps = {
    ...fs,
    rename: (from, to) => change(() => fs.rename(from, to)),
    link: (from, to) => change(() => fs.link(from, to)),
    unlink: (path) => (path.includes('.part-') ? fs.unlink(path) : change(() => fs.unlink(path))),
  };
  return { ops, died };
}

/** The second save replaces the first one's file and takes `last` over. */
async function saveTwice(store: CheckpointStore): Promise<void> {
  const last = { file: 'last', kinds: ['last'] as const };
  for (const step of [1, 2]) {
    await store.save({
      file: `s${step}`,
      kinds: ['best'],
      monitor: 'val/loss',
      alsoAs: [last],
      removes: step === 2 ? ['s1'] : [],
      collect: () => sampleContents(step),
    });
    await store.settle();
    // The next save has another millisecond.
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

const withoutTimes = (store: CheckpointStore) =>
  store.entries().map(({ savedAt: _savedAt, ...entry }) => entry);

describe('a save interrupted between two of its files', () => {
  // Each save: its file, the link of `last` and its rename, the index; the second: a removal.
  it.each([4, 5, 6, 7, 8, 9])('is finished or undone as a whole: %i changes', async (changes) => {
    await inFolder(async (folder) => {
      const wholeFolder = join(folder, 'whole');
      const whole = await CheckpointStore.open(wholeFolder);
      await saveTwice(whole);
      expect(await readdir(wholeFolder)).toEqual([
        'checkpoints.json',
        'last.safetensors',
        's2.safetensors',
      ]);

      const broken = join(folder, 'broken');
      const { ops, died } = dyingOps(changes);
      await Promise.race([saveTwice(await CheckpointStore.open(broken, ops)), died]);
      const again = await CheckpointStore.open(broken);
      const names = await readdir(broken);
      if (changes === 4) {
        expect(names).toEqual(['checkpoints.json', 'last.safetensors', 's1.safetensors']);
        expect(again.entries().map(({ file }) => file[0])).toEqual(['s', 'l']);
        return;
      }
      expect(names).toEqual(await readdir(wholeFolder));
      expect(withoutTimes(again)).toEqual(withoutTimes(whole));
      const [file, last] = await Promise.all(
        ['s2', 'last'].map((name) => fs.stat(join(broken, `${name}.safetensors`))),
      );
      expect(last.ino).toBe(file.ino);
    });
  });

  it('copies where there are no hard links', async () => {
    await inFolder(async (folder) => {
      const refused = Object.assign(new Error('EPERM'), { code: 'EPERM' });
      const store = await CheckpointStore.open(folder, {
        ...fs,
        link: () => Promise.reject(refused),
      });
      await saveTwice(store);
      const names = ['s2', 'last'].map((name) => join(folder, `${name}.safetensors`));
      const [file, last] = await Promise.all(names.map((name) => fs.readFile(name)));
      expect(last.equals(file)).toBe(true);
      expect((await readdir(folder)).filter((name) => name.includes('.part-'))).toEqual([]);
    });
  });

  it('makes a removed folder again', async () => {
    await inFolder(async (folder) => {
      const store = await CheckpointStore.open(join(folder, 'deep', 'checkpoints'));
      await store.save({ file: 'a', kinds: [], collect: () => sampleContents(1) });
      await store.settle();
      await fs.rm(join(folder, 'deep'), { recursive: true });
      await store.save({ file: 'b', kinds: ['last'], collect: () => sampleContents(2) });
      await store.settle();
      expect(store.entries().map(({ file }) => file)).toEqual(['b.safetensors']);
    });
  });
});
