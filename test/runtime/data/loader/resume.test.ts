import { describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { ArrayDataset } from '../../../../runtime/src/data/datasets/derived.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import type { Loader } from '../../../../runtime/src/core/loader.ts';
import type { Rng } from '../../../../runtime/src/random/rng.ts';
import { collect, digest, field } from '../batches.ts';

const epochs = 3;

function records(size: number, first = 0): ArrayDataset<{ x: number; noise: number }> {
  return new ArrayDataset(Array.from({ length: size }, (_, id) => ({ x: first + id, noise: 0 })));
}

function withNoise(sample: { x: number }, rng: Rng): { x: number; noise: number } {
  return { ...sample, noise: rng.uniform() };
}

/** For every batch of an uninterrupted run: a new loader continues it identically, twice over. */
async function expectExactResume(make: () => Loader): Promise<void> {
  const end = epochs * (make().samplesPerEpoch ?? 0);
  const whole = await collect(make(), 0, end);
  const digests = whole.map(({ batch }) => digest(batch));
  const text = (batches: typeof whole): string =>
    batches.map(({ batch }) => digest(batch)).join('|');
  for (const [k, { t }] of whole.entries()) {
    const rest = await collect(make(), t, end);
    expect(text(rest)).toBe(digests.slice(k).join('|'));
    const middle = Math.floor((k + whole.length) / 2);
    const again = await collect(make(), rest[middle - k].t, end);
    expect(text(again)).toBe(digests.slice(middle).join('|'));
  }
  // At the very end a loader goes on with the next epoch.
  const [next] = await collect(make(), end, end + 1);
  expect(next.batch.size).toBe(whole[0].batch.size);
  expect(digests).not.toContain(digest(next.batch));
}

const cases = [1, 2, 7, 60].flatMap((size) =>
  [1, 8, 32].flatMap((batchSize) =>
    [false, true]
      // Nothing is left to drop at batch size 1, everything is when the batch is larger.
      .filter((dropLast) => !dropLast || (batchSize > 1 && size >= batchSize))
      .map((dropLast) => ({ size, batchSize, dropLast })),
  ),
);

describe('resuming a DataLoader', () => {
  it.each(cases)('is exact at every batch: %j', async ({ size, batchSize, dropLast }) => {
    await expectExactResume(
      () =>
        new DataLoader({
          dataset: records(size),
          batchSize,
          dropLast,
          seed: 3,
          transform: withNoise,
        }),
    );
  });

  it('is exact at every single sample, and whatever the batch size was before', async () => {
    const make = (batchSize: number): DataLoader =>
      new DataLoader({ dataset: records(23), batchSize, seed: 3, transform: withNoise });
    const singles = (await collect(make(1), 0, 69)).map(({ batch }) => digest(batch));
    for (let t = 0; t < 69; t++) {
      const rest = await collect(make(1), t, 69);
      expect(rest.map(({ batch }) => digest(batch))).toEqual(singles.slice(t));
    }
    const mixed = await collect(make(5), 12, 46);
    const ids = (batches: typeof mixed): number[] =>
      batches.flatMap(({ batch }) => [...field(batch, 'x').data]);
    expect(ids(mixed)).toEqual(ids(await collect(make(1), 12, 46)));
  });

  it('gives each sample once an epoch, and other noise in each', async () => {
    const loader = new DataLoader({ dataset: records(10), batchSize: 4, transform: withNoise });
    const seen = new Map<number, Set<number>>();
    for (const { batch } of await collect(loader, 0, 30)) {
      const noise = field(batch, 'noise').data;
      field(batch, 'x').data.forEach((id, row) => {
        seen.set(id, (seen.get(id) ?? new Set()).add(noise[row]));
      });
    }
    expect(seen.size).toBe(10);
    for (const values of seen.values()) expect(values.size).toBe(3);
  });
});

const rules = [{ stop: 'first_exhausted' }, { stop: 'all_exhausted' }, { epochSize: 26 }] as const;
const mixtures = rules.flatMap((rule) =>
  [1, 3, 8].flatMap((batchSize) =>
    [false, true].map((dropLast) => ({ ...rule, batchSize, dropLast })),
  ),
);

describe('resuming a mixture', () => {
  it.each(mixtures)('is exact at every batch: %j', async (options) => {
    await expectExactResume(() =>
      new MultiDatasetModule({
        datasets: { a: records(18), b: records(5, 1000), c: records(11, 2000) },
        datasetWeights: [3, 1, 2],
        modalityDropout: { x: 0, noise: 0.4 },
        transform: withNoise,
        seed: 8,
        ...options,
      }).trainDataloader(),
    );
  });
});
