import { describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import type { Dataset } from '../../../../runtime/src/data/dataset.ts';
import { ArrayDataset, Subset } from '../../../../runtime/src/data/datasets/derived.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { loaderState, restoreLoader } from '../../../../runtime/src/data/loader/loaderState.ts';
import { Compose } from '../../../../runtime/src/data/transforms/transform.ts';
import { RandomHorizontalFlip } from '../../../../runtime/src/data/transforms/randomHorizontalFlip.ts';
import type { Rng } from '../../../../runtime/src/random/rng.ts';
import { collect, digest, field } from '../batches.ts';

const numbers = (size: number): ArrayDataset<number> =>
  new ArrayDataset(Array.from({ length: size }, (_, id) => id));

describe('DataLoader', () => {
  it('counts batches and samples with and without the last one', () => {
    const make = (dropLast: boolean): DataLoader =>
      new DataLoader({ dataset: numbers(10), batchSize: 4, dropLast });
    expect([make(false).batchesPerEpoch, make(false).samplesPerEpoch]).toEqual([3, 10]);
    expect([make(true).batchesPerEpoch, make(true).samplesPerEpoch]).toEqual([2, 8]);
  });

  it('shuffles for training and keeps the order elsewhere, unless told otherwise', async () => {
    const order = async (options: object): Promise<number[]> => {
      const loader = new DataLoader({ dataset: numbers(50), batchSize: 50, ...options });
      const [{ batch }] = await collect(loader, 0, 1);
      return [...(batch.data as { data: Float32Array }).data];
    };
    const declared = Array.from({ length: 50 }, (_, id) => id);
    expect(await order({ stage: 'validate' })).toEqual(declared);
    expect(await order({ shuffle: false })).toEqual(declared);
    expect(await order({})).not.toEqual(declared);
    expect((await order({})).sort((a, b) => a - b)).toEqual(declared);
    expect(await order({ seed: 1 })).not.toEqual(await order({ seed: 2 }));
  });

  it('draws another remainder to drop in each epoch', async () => {
    const loader = new DataLoader({ dataset: numbers(5), batchSize: 4, dropLast: true });
    const seen = new Set<number>();
    for (const { batch } of await collect(loader, 0, 40)) {
      for (const id of (batch.data as { data: Float32Array }).data) seen.add(id);
    }
    expect(seen.size).toBe(5);
  });

  it('waits for samples that come later, in order', async () => {
    const slow: Dataset<number> = {
      length: 6,
      get: (index) =>
        new Promise((resolve) => {
          setTimeout(() => resolve(index), index % 2 === 0 ? 5 : 0);
        }),
    };
    const loader = new DataLoader({ dataset: slow, batchSize: 4, shuffle: false });
    const batches = await collect(loader, 0, 6);
    expect(batches.map(({ batch }) => [...(batch.data as { data: Float32Array }).data])).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
  });

  it('reads columns in one pass with the values of single samples', async () => {
    const dataset = new TensorDataset({
      x: {
        data: Float32Array.from({ length: 60 }, (_, i) => i / 7),
        shape: [20, 3],
        dtype: 'float32',
      },
      label: Int32Array.from({ length: 20 }, (_, i) => i),
    });
    const part = new Subset(dataset, [3, 1, 19, 7, 7]);
    const bySample: Dataset = {
      length: part.length,
      columns: part.columns,
      get: (i) => part.get(i),
    };
    const fused = new DataLoader({ dataset: part, batchSize: 2, seed: 5 });
    const single = new DataLoader({ dataset: bySample, batchSize: 2, seed: 5 });
    expect([fused.fused, single.fused]).toEqual([true, false]);
    const batches = await collect(fused, 0, 15);
    expect(batches.map(({ batch }) => digest(batch))).toEqual(
      (await collect(single, 0, 15)).map(({ batch }) => digest(batch)),
    );
    expect(field(batches[0].batch, 'label')).toMatchObject({ dtype: 'int32', shape: [2] });
    expect(field(batches[0].batch, 'x')).toMatchObject({ dtype: 'float32', shape: [2, 3] });
  });

  it('hands out memory of its own for each batch', async () => {
    const dataset = new TensorDataset({ x: new Float32Array(8) });
    const batches = await collect(new DataLoader({ dataset, batchSize: 4 }), 0, 16);
    const buffers = new Set(batches.map(({ batch }) => field(batch, 'x').data.buffer));
    expect(buffers.size).toBe(batches.length);
  });

  it('refuses random transforms outside training, named ones before the first batch', async () => {
    const dataset = new ArrayDataset([{ image: 1 }]);
    const flip = new Compose([new RandomHorizontalFlip()]);
    expect(() => new DataLoader({ dataset, stage: 'validate', transform: flip })).toThrow(
      /"compose" is random, but its loader is for stage "validate"/,
    );
    const jitter = (sample: unknown, rng: Rng): unknown => [sample, rng.fold('a').uniform()];
    const loader = new DataLoader({ dataset, stage: 'test', transform: jitter });
    await expect(collect(loader, 0, 1)).rejects.toThrow(/"jitter" is random.*stage "test"/);
    const plain = new DataLoader({
      dataset,
      stage: 'test',
      transform: (sample: unknown) => sample,
    });
    expect(await collect(plain, 0, 1)).toHaveLength(1);
  });

  it.each([
    { options: { batchSize: 0 }, message: /at least 1; got 0/ },
    { options: { batchSize: 8, dropLast: true }, message: /5 samples, too few for one batch of 8/ },
    { options: { dataset: numbers(0) }, message: /"data" is empty/ },
  ])('refuses $options', ({ options, message }) => {
    expect(() => new DataLoader({ dataset: numbers(5), ...options })).toThrow(message);
  });

  it.each([-1, 0.5, Number.NaN])('refuses the position %d', async (t) => {
    const loader = new DataLoader({ dataset: numbers(5) });
    await expect(async () => {
      for await (const batch of loader.iterate(t)) expect(batch.size).toBe(0);
    }).rejects.toThrow(/position/);
  });
});

describe('the state of a loader', () => {
  const make = (options: object = {}): DataLoader =>
    new DataLoader({ dataset: numbers(10), batchSize: 4, dropLast: true, seed: 1, ...options });

  it('survives JSON and gives the position back', () => {
    const state = JSON.parse(JSON.stringify(loaderState(make(), 24))) as ReturnType<
      typeof loaderState
    >;
    expect(restoreLoader(make(), state)).toBe(24);
  });

  it.each([
    { options: { seed: 2 }, message: /seed was 1, is 2\./ },
    { options: { dataset: numbers(11) }, message: /length of dataset "data" was 10, is 11/ },
    { options: { shuffle: false }, message: /shuffle was true, is false/ },
    { options: { batchSize: 3 }, message: /samples an epoch was 8, is 9/ },
    { options: { name: 'other' }, message: /list of datasets was \["data"\], is \["other"\]/ },
  ])('is refused by another order, naming the change: $message', ({ options, message }) => {
    const state = loaderState(make(), 24);
    expect(() => restoreLoader(make(options), state)).toThrow(message);
  });

  it('notices changed contents', () => {
    const dataset = (last: number): TensorDataset =>
      new TensorDataset({ x: Float32Array.of(1, 2, 3, last) });
    const state = loaderState(make({ dataset: dataset(4) }), 4);
    expect(restoreLoader(make({ dataset: dataset(4) }), state)).toBe(4);
    expect(() => restoreLoader(make({ dataset: dataset(5) }), state)).toThrow(/content hash/);
  });

  it('is refused without a description too', () => {
    const { t, orderHash } = loaderState(make(), 8);
    expect(() => restoreLoader(make({ seed: 9 }), { t, orderHash })).toThrow(/order hash differs/);
  });

  it('does not mind another batch size while nothing is dropped', () => {
    const state = loaderState(make({ dropLast: false }), 8);
    expect(restoreLoader(make({ dropLast: false, batchSize: 3 }), state)).toBe(8);
  });
});
