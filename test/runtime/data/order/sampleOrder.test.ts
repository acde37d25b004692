import { describe, expect, it } from '@jest/globals';
import {
  mixingBlock,
  orderHash,
  SampleOrder,
  type SampleOrderOptions,
} from '../../../../runtime/src/data/order/sampleOrder.ts';
import { golden } from './golden.ts';

const two: SampleOrderOptions = {
  datasets: [
    { name: 'digits', size: 700 },
    { name: 'letters', size: 90 },
  ],
  weights: [3, 1],
  seed: 11,
};

describe('SampleOrder', () => {
  it.each(golden)('gives the pinned order: $title', ({ options, start, ids, datasets, key }) => {
    const order = new SampleOrder(options);
    const places = Array.from({ length: 64 }, (_, index) => order.place(start + index));
    expect(places.map(({ id }) => id)).toEqual(ids);
    expect(places.map(({ dataset }) => dataset).join('')).toBe(datasets);
    expect(order.at(start).key).toEqual(key);
  });

  it('visits a single dataset once an epoch, each time in another order', () => {
    const order = new SampleOrder({ datasets: [{ name: 'a', size: 100 }], seed: 4 });
    const epochs = [0, 1, 2].map((epoch) =>
      Array.from({ length: 100 }, (_, position) => order.place(epoch * 100 + position)),
    );
    epochs.forEach((places, epoch) => {
      expect(new Set(places.map(({ id }) => id)).size).toBe(100);
      expect(places.every((place) => place.epoch === epoch)).toBe(true);
    });
    expect(epochs[0].map(({ id }) => id)).not.toEqual(epochs[1].map(({ id }) => id));
  });

  it('keeps the declared order without shuffle', () => {
    const order = new SampleOrder({ datasets: [{ name: 'a', size: 5 }], shuffle: false });
    expect(Array.from({ length: 12 }, (_, t) => order.place(t).id)).toEqual([
      0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1,
    ]);
  });

  it('draws each dataset without repetition and has exact shares in every block and epoch', () => {
    const order = new SampleOrder(two);
    const visits = new Set<string>();
    for (let epoch = 0; epoch < 4; epoch++) {
      const counts = [0, 0];
      for (let position = 0; position < order.length; position++) {
        const place = order.place(epoch * order.length + position);
        visits.add(`${place.dataset} ${place.epoch} ${place.id}`);
        counts[place.dataset]++;
        if ((position + 1) % mixingBlock === 0) {
          expect(Math.abs(counts[0] - (position + 1) * 0.75)).toBeLessThan(3);
        }
      }
      const before = epoch * order.length;
      expect(counts).toEqual(
        [0, 1].map((i) => order.count(i, before + order.length) - order.count(i, before)),
      );
    }
    expect(visits.size).toBe(4 * order.length);
  });

  it('interleaves datasets at random inside a block', () => {
    const order = new SampleOrder({ ...two, weights: [1, 1] });
    const sources = Array.from({ length: 128 }, (_, t) => order.place(t).dataset);
    const runs = sources.filter((source, t) => t > 0 && source !== sources[t - 1]).length;
    // Strict alternation would give 127, a fair coin about 64.
    expect(runs).toBeGreaterThan(40);
    expect(runs).toBeLessThan(90);
  });

  it('answers any position without having seen the ones before', () => {
    const sequential = new SampleOrder(two);
    const expected = Array.from({ length: 3000 }, (_, t) => sequential.at(t));
    const backwards = new SampleOrder(two);
    for (let t = 2999; t >= 0; t -= 7) expect(backwards.at(t)).toEqual(expected[t]);
  });

  it('answers the billionth position of large sets at once', () => {
    const started = performance.now();
    const order = new SampleOrder({
      datasets: [
        { name: 'web', size: 1_281_167 },
        { name: 'digits', size: 60_000 },
        { name: 'tiny', size: 3 },
      ],
      weights: [5, 4, 1],
    });
    const place = order.place(1e9);
    expect(performance.now() - started).toBeLessThan(200);
    expect(place.id).toBeLessThan(order.datasets[place.dataset].size);
    expect(Number.isSafeInteger(order.place(2 ** 52).epoch)).toBe(true);
  });

  it('gives unrelated orders to neighbouring seeds and epochs', () => {
    // Schemes that add seed and epoch make (5, epoch 1) and (6, epoch 0) the same order.
    const ids = (seed: number, epoch: number): number[] => {
      const order = new SampleOrder({ datasets: [{ name: 'a', size: 60_000 }], seed });
      return Array.from({ length: 60_000 }, (_, p) => order.place(epoch * 60_000 + p).id);
    };
    const other = ids(6, 0);
    expect(ids(5, 1).filter((id, p) => id === other[p]).length).toBeLessThan(10);
  });

  it('does not reshuffle a dataset when another one is added', () => {
    const drawn = (options: SampleOrderOptions): number[] => {
      const order = new SampleOrder(options);
      const places = Array.from({ length: 600 }, (_, t) => order.place(t));
      return places
        .filter(({ dataset }) => order.datasets[dataset].name === 'letters')
        .map(({ id }) => id);
    };
    const alone = drawn({ datasets: [{ name: 'letters', size: 90 }], seed: 11 });
    const mixed = drawn({ ...two, stop: { samples: 600 } });
    // The block shuffle moves samples by less than a block; the passes are the same sets in order.
    expect([...mixed.slice(0, 64)].sort()).toEqual([...alone.slice(0, 64)].sort());
  });

  it('has separate random numbers for each visit and stream', () => {
    const order = new SampleOrder(two);
    const keys = new Set<string>();
    for (let t = 0; t < 2000; t++) keys.add(order.at(t).key.join());
    expect(keys.size).toBe(2000);
    const place = order.place(5);
    expect(order.rng(place, 'transform').key).not.toEqual(order.rng(place, 'modality').key);
  });

  it('hashes everything that decides the order', () => {
    const hash = (change: Partial<SampleOrderOptions>): string =>
      orderHash(new SampleOrder({ ...two, ...change }).describe());
    const [digits, letters] = two.datasets;
    const hashes = [
      hash({}),
      hash({ seed: 12 }),
      hash({ shuffle: false }),
      hash({ weights: [2, 1] }),
      hash({ stop: 'all_exhausted' }),
      hash({ stop: { samples: 100 } }),
      hash({ datasets: [digits, { name: 'letters', size: 91 }] }),
      hash({ datasets: [digits, { name: 'words', size: 90 }] }),
      hash({ datasets: [letters, digits] }),
      hash({ datasets: [digits, { ...letters, fingerprint: 'abc' }] }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hash({})).toBe(hashes[0]);
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    { datasets: [], message: /No dataset/ },
    { datasets: [{ name: 'a', size: 0 }], message: /"a" is empty/ },
    { datasets: [{ name: 'a', size: 1.5 }], message: /"a" reports the length 1.5/ },
    {
      datasets: [
        { name: 'a', size: 1 },
        { name: 'a', size: 2 },
      ],
      message: /Two datasets are called "a"/,
    },
  ])('refuses $datasets', ({ datasets, message }) => {
    expect(() => new SampleOrder({ datasets })).toThrow(message);
  });
});
