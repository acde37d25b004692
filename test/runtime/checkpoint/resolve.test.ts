import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  CheckpointStore,
  describeCheckpoint,
  newestGood,
  resolveCheckpoint,
} from '../../../runtime/src/checkpoint/index.ts';
import { inFolder, sampleContents } from './sampleContents.ts';

async function saveAll(folder: string, steps: readonly number[]): Promise<CheckpointStore> {
  const store = await CheckpointStore.open(folder);
  for (const step of steps) {
    await store.save({ file: `step=${step}`, kinds: [], collect: () => sampleContents(step) });
  }
  await store.settle();
  return store;
}

async function damage(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(path, change(await readFile(path)));
}

describe('resolveCheckpoint', () => {
  it('leaves paths alone', async () => {
    expect(await resolveCheckpoint('./a/b.safetensors')).toBe('./a/b.safetensors');
  });

  it('finds last and best of a run', async () => {
    await inFolder(async (run) => {
      const store = await saveAll(join(run, 'checkpoints'), [1, 2, 3]);
      await store.tag('step=2.safetensors', ['best'], 'val/loss');
      const path = (file: string): string => join(run, 'checkpoints', `${file}.safetensors`);
      expect(await resolveCheckpoint('last', run)).toBe(path('step=3'));
      expect(await resolveCheckpoint('best', run)).toBe(path('step=2'));
      await store.tag('step=1.safetensors', ['best'], 'val/acc');
      await expect(resolveCheckpoint('best', run)).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_AMBIGUOUS',
        message: expect.stringContaining('step=2.safetensors (by val/loss)'),
      });
    });
  });

  it('passes over damaged files for last, and says so', async () => {
    await inFolder(async (run) => {
      const folder = join(run, 'checkpoints');
      // Saved in this order: after a rewind the newest file is not the one with the highest step.
      await saveAll(folder, [3, 2]);
      expect(await resolveCheckpoint('last', run)).toBe(join(folder, 'step=2.safetensors'));
      await damage(join(folder, 'step=2.safetensors'), (bytes) => bytes.subarray(0, -9));
      const said: string[] = [];
      const path = await resolveCheckpoint('last', run, (notice) => said.push(notice));
      expect(path).toBe(join(folder, 'step=3.safetensors'));
      expect(said).toEqual([
        expect.stringMatching(/passed over:\n.*step=2.safetensors is cut short/),
      ]);
      await damage(path, (bytes) => bytes.subarray(0, 20));
      await expect(resolveCheckpoint('last', run)).rejects.toThrow(
        /There is no good checkpoint in/,
      );
    });
  });

  it('means a whole checkpoint by last, weights only where there is no other', async () => {
    await inFolder(async (run) => {
      const folder = join(run, 'checkpoints');
      const store = await CheckpointStore.open(folder);
      const save = async (step: number, weightsOnly: boolean) => {
        const contents = sampleContents(step);
        const state = { ...contents.state, weightsOnly };
        const collect = () => ({ ...contents, state });
        await store.save({ file: `step=${String(step)}`, kinds: [], collect });
        await store.settle();
      };
      await save(1, true);
      expect(await resolveCheckpoint('last', run)).toBe(join(folder, 'step=1.safetensors'));
      await save(2, false);
      await save(3, true);
      expect(await resolveCheckpoint('last', run)).toBe(join(folder, 'step=2.safetensors'));
      expect((await newestGood(folder)).checkpoint.info.step).toBe(2);
    });
  });

  it('says what there is instead', async () => {
    await inFolder(async (run) => {
      await mkdir(join(run, 'checkpoints'));
      await expect(resolveCheckpoint('last', run)).rejects.toThrow(/There is none in that folder/);
      await saveAll(join(run, 'checkpoints'), [4]);
      await expect(resolveCheckpoint('best', run)).rejects.toThrow(/There are: .*step=4/);
      await expect(resolveCheckpoint('best')).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_MISSING',
      });
    });
  });
});

describe('newestGood', () => {
  it('falls back from damaged checkpoints and says so', async () => {
    await inFolder(async (folder) => {
      await saveAll(folder, [8, 9, 10, 11]);
      await damage(join(folder, 'step=11.safetensors'), (bytes) => bytes.subarray(0, -9));
      await damage(join(folder, 'step=10.safetensors'), (bytes) => {
        bytes[bytes.length - 60] ^= 1;
        return bytes;
      });
      const { checkpoint, skipped, notice } = await newestGood(folder);
      expect(checkpoint.info.step).toBe(9);
      expect(skipped.map(({ path }) => path)).toEqual([
        join(folder, 'step=11.safetensors'),
        join(folder, 'step=10.safetensors'),
      ]);
      expect(notice).toMatch(
        /^Using .*step=9\.safetensors, the newest good checkpoint; passed over/,
      );
      expect(notice).toMatch(/step=11\.safetensors is cut short/);
      expect(notice).toMatch(/step=10\.safetensors is damaged: tensor/);
    });
  });

  it('orders by step, not by name, and needs no index', async () => {
    await inFolder(async (folder) => {
      await saveAll(folder, [100, 20]);
      await writeFile(join(folder, 'checkpoints.json'), 'lost');
      const { checkpoint, notice } = await newestGood(folder);
      expect(checkpoint.info.step).toBe(100);
      expect(notice).toBeNull();
    });
  });

  it('is an error with every reason when none is good', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'a.safetensors'), 'half');
      await expect(newestGood(folder)).rejects.toThrow(
        /no good checkpoint in .*\n {2}Checkpoint .*cut/,
      );
      await expect(newestGood(join(folder, 'nowhere'))).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_MISSING',
      });
    });
  });
});

describe('describeCheckpoint', () => {
  it('tells config, step, metrics, versions and tensors', async () => {
    await inFolder(async (folder) => {
      const store = await saveAll(folder, [6]);
      const path = store.pathOf('step=6.safetensors');
      const description = await describeCheckpoint(path);
      expect(description.info).toMatchObject(sampleContents(6).info);
      expect(description.modelSize).toBe(5);
      expect(description.bytes).toBe((await readFile(path)).length);
      expect(description.tensors.find(({ name }) => name === 'model/dense/kernel')).toEqual({
        name: 'model/dense/kernel',
        dtype: 'F32',
        shape: [2, 2],
        bytes: 16,
      });
      await damage(path, (bytes) => {
        bytes[bytes.length - 60] ^= 1;
        return bytes;
      });
      await expect(describeCheckpoint(path)).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_CORRUPT',
      });
      expect((await describeCheckpoint(path, { verify: false })).info.step).toBe(6);
    });
  });
});
