import { afterEach, describe, expect, it } from '@jest/globals';
import { DataLoader, type DataLoaderOptions } from '../../../../runtime/src/data/dataLoader.ts';
import type { Dataset } from '../../../../runtime/src/data/dataset.ts';
import { Subset } from '../../../../runtime/src/data/datasets/derived.ts';
import { loaderState, restoreLoader } from '../../../../runtime/src/data/loader/loaderState.ts';
import { padCollate } from '../../../../runtime/src/data/loader/padCollate.ts';
import { collect, digest, field } from '../batches.ts';
import { Sentences } from './sentences.ts';

const opened: DataLoader[] = [];

function open(options: Partial<DataLoaderOptions> = {}): DataLoader {
  const collate = padCollate({ field: 'tokens', value: -1 });
  const dataset = new Sentences(40);
  const loader = new DataLoader({ dataset, batchSize: 4, seed: 2, collate, ...options });
  opened.push(loader);
  return loader;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.dispose()));
});

const texts = async (loader: DataLoader, from = 0): Promise<string[]> =>
  (await collect(loader, from, 2 * loader.samplesPerEpoch)).map(({ batch }) => digest(batch));

describe('padCollate', () => {
  const context = { columns: {}, describe: (row: number) => `sample ${row}` };
  const samples = [
    { tokens: Int32Array.of(1, 2, 3), name: 'a' },
    { tokens: Int32Array.of(4), name: 'b' },
  ];

  it('pads to the longest and says what is padding', () => {
    expect(padCollate({ field: 'tokens', value: 9 })(samples, context)).toEqual({
      tokens: { data: Int32Array.of(1, 2, 3, 4, 9, 9), shape: [2, 3], dtype: 'int32' },
      tokens_length: { data: Int32Array.of(3, 1), shape: [2], dtype: 'int32' },
      tokens_valid: { data: Float32Array.of(1, 1, 1, 1, 0, 0), shape: [2, 3], dtype: 'float32' },
      name: ['a', 'b'],
    });
  });

  it.each([
    [{ multipleOf: 4 }, [2, 4], [3, 1]],
    [{ maxLength: 2 }, [2, 2], [2, 1]],
    [{ multipleOf: 4, maxLength: 3 }, [2, 3], [3, 1]],
  ])('keeps to %j', (options, shape, lengths) => {
    const batch = padCollate({ field: 'tokens', ...options })(samples, context);
    expect(batch).toMatchObject({
      tokens: { shape },
      tokens_valid: { shape },
      tokens_length: { data: Int32Array.from(lengths) },
    });
  });

  it('pads rows of several values, several fields and empty samples', () => {
    const rows = [
      { a: [[1, 2]], b: [] },
      {
        a: [
          [3, 4],
          [5, 6],
        ],
        b: [7],
      },
    ];
    expect(padCollate({ field: ['a', 'b'] })(rows, context)).toMatchObject({
      a: { data: Float32Array.of(1, 2, 0, 0, 3, 4, 5, 6), shape: [2, 2, 2] },
      a_valid: { data: Float32Array.of(1, 0, 1, 1) },
      b: { data: Float32Array.of(0, 7), shape: [2, 1] },
      b_length: { data: Int32Array.of(0, 1) },
    });
  });

  it.each([
    [
      [{ a: [[1, 2]] }, { a: [[1, 2, 3]] }],
      /field "a" of sample 1 is float32 \[1, 3\].*first axis/,
    ],
    [[{ a: [1] }, { b: [1] }], /field "a" of sample 1 must be an array/],
    [[{ a: 1 }], /field "a" of sample 0 must be an array/],
    [[[1]], /samples must be objects with the field "a"/],
  ])('refuses %j', (rows, message) => {
    expect(() => padCollate({ field: 'a' })(rows, context)).toThrow(message);
  });

  it('gives threads the same batches of changing shapes', async () => {
    const expected = await texts(open());
    expect(await texts(open({ numWorkers: 2, prefetch: 1 }))).toEqual(expected);
  });

  it('is what an error about lengths points at', async () => {
    await expect(collect(open({ collate: undefined }), 0, 40)).rejects.toThrow(
      /Field "tokens" of sample \d+ of dataset "data": expected int32 \[\d+\] as in sample \d+ of dataset "data", got int32 \[\d+\]. Pad them to one length: collate: padCollate\(\{ field: 'tokens' \}\)/,
    );
  });
});

describe('batches of similar lengths', () => {
  const padding = async (options: Partial<DataLoaderOptions>): Promise<number> => {
    let padded = 0;
    for (const { batch } of await collect(open(options), 0, 40)) {
      padded += field(batch, 'tokens_valid').data.filter((value) => value === 0).length;
    }
    return padded;
  };

  it('hold each sample once an epoch, with far less padding', async () => {
    const ids = (await collect(open({ bucketBatches: 5 }), 0, 40)).flatMap(({ batch }) => [
      ...field(batch, 'id').data,
    ]);
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, id) => id));
    expect(await padding({ bucketBatches: 5 })).toBeLessThan(0.5 * (await padding({})));
  });

  it('come in no order of length, and in another one each epoch', async () => {
    const batches = await collect(open({ bucketBatches: 10 }), 0, 80);
    const longest = batches.map(({ batch }) => field(batch, 'tokens').shape[1]);
    expect(longest.slice(0, 10)).not.toEqual(longest.slice(0, 10).toSorted((a, b) => a - b));
    expect(longest.slice(0, 10)).not.toEqual(longest.slice(10));
  });

  it.each([
    { dataset: new Sentences(40), dropLast: false },
    { dataset: new Sentences(27), dropLast: false },
    { dataset: new Sentences(27), dropLast: true },
    { dataset: new Subset(new Sentences(60), [5, 1, 50, 9, 33, 2, 41]), dropLast: false },
  ])('resume exactly at every batch, with and without threads', async (options) => {
    const make = (numWorkers = 0): DataLoader => open({ ...options, bucketBatches: 3, numWorkers });
    const whole = await collect(make(), 0, 2 * make().samplesPerEpoch);
    const expected = whole.map(({ batch }) => digest(batch));
    for (const [k, { t }] of whole.entries()) {
      expect(await texts(make(), t)).toEqual(expected.slice(k));
    }
    expect(await texts(make(2))).toEqual(expected);
  });

  it('are part of the order', () => {
    const state = loaderState(open({ bucketBatches: 3 }), 8);
    expect(() => restoreLoader(open({ bucketBatches: 5 }), state)).toThrow(
      /buckets of similar lengths was \{"batches":3,"batchSize":4\}, is/,
    );
    expect(() => restoreLoader(open(), state)).toThrow(/buckets of similar lengths/);
  });

  it('need datasets that tell lengths', () => {
    const dataset: Dataset = { length: 3, get: (id) => id };
    expect(() => open({ dataset, bucketBatches: 2 })).toThrow(
      'dataset "data" has no method lengthOf(index)',
    );
    expect(() => open({ bucketBatches: 1 })).toThrow('bucket_batches: expected 0');
  });
});
