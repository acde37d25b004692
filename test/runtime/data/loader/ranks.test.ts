import { describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import type { LoadedBatch, Loader } from '../../../../runtime/src/core/loader.ts';
import { field } from '../batches.ts';

function table(size: number, first: number): TensorDataset {
  const values = (): Float32Array => Float32Array.from({ length: size }, (_, i) => first + i);
  return new TensorDataset({ x: values(), y: values() });
}

const datasets = { near: table(61, 1), far: table(30, 1000) };
const fields = ['x', 'y', 'x_mask', 'y_mask', 'source'];

const make = (rank: number, ranks: number, numWorkers = 0): Loader =>
  new MultiDatasetModule({
    datasets,
    modalityDropout: { x: 0.3, y: 0.3 },
    batchSize: 8,
    rank,
    ranks,
    seed: 3,
    numWorkers,
    // 61 samples: the last batch has 5.
    epochSize: 61,
  }).trainDataloader();

async function batchesFrom(loader: Loader, t: number): Promise<LoadedBatch[]> {
  const batches: LoadedBatch[] = [];
  let position = t;
  while (position < 183) {
    for await (const batch of loader.iterate(position)) {
      batches.push(batch);
      position += batch.consumed ?? batch.size;
    }
  }
  await loader.dispose?.();
  return batches;
}

describe('ranks of a loader', () => {
  it.each([1, 2, 4])('%i see together what one sees, at every step', async (ranks) => {
    const whole = await batchesFrom(make(0, 1), 0);
    const parts = await Promise.all(
      Array.from({ length: ranks }, (_, rank) => batchesFrom(make(rank, ranks), 0)),
    );
    whole.forEach((batch, step) => {
      const slices = parts.map((part) => part[step]);
      for (const name of fields) {
        expect(slices.flatMap((slice) => [...field(slice, name).data])).toEqual([
          ...field(batch, name).data,
        ]);
      }
      const sizes = slices.map(({ size }) => size);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      if (ranks > 1) expect(slices.every(({ consumed }) => consumed === batch.size)).toBe(true);
    });
    expect(parts.every((part) => part.length === whole.length)).toBe(true);
    expect(whole).toHaveLength(24);
  });

  it('may change in number between a run and its resumption', async () => {
    const whole = await batchesFrom(make(0, 1), 0);
    const two = await Promise.all([0, 1].map((rank) => batchesFrom(make(rank, 2), 61 + 24)));
    const expected = whole.slice(8 + 3).flatMap((batch) => [...field(batch, 'x').data]);
    const got = two[0].flatMap((batch, step) =>
      [batch, two[1][step]].flatMap((part) => [...field(part, 'x').data]),
    );
    expect(got).toEqual(expected);
    expect(make(0, 2).orderHash).toBe(make(0, 1).orderHash);
  });

  it('get the same from loader threads', async () => {
    const alone = await batchesFrom(make(1, 2), 0);
    const threaded = await batchesFrom(make(1, 2, 2), 0);
    expect(threaded.map(({ data, size }) => ({ data, size }))).toEqual(
      alone.map(({ data, size }) => ({ data, size })),
    );
  }, 30_000);

  it.each([
    [{ rank: 2, ranks: 2 }, /A rank must be a whole number from 0 to 1/],
    [{ ranks: 9, batchSize: 8 }, /Batches of 8 cannot be shared by 9 ranks/],
    [
      { ranks: 4, batchSize: 10 },
      /last batch of an epoch has 1 samples for 4 ranks.*drop_last: true/,
    ],
  ])('refuses %j', (options, message) => {
    expect(() => new DataLoader({ dataset: table(61, 0), batchSize: 8, ...options })).toThrow(
      message,
    );
  });
});
