import { describe, expect, it } from '@jest/globals';
import { MixPlan } from '../../../../runtime/src/data/order/mixPlan.ts';
import { planMix } from '../../../../runtime/src/data/order/mixSchedule.ts';
import {
  orderHash,
  SampleOrder,
  type SampleOrderOptions,
} from '../../../../runtime/src/data/order/sampleOrder.ts';
import { integerWeights, weightTotal } from '../../../../runtime/src/data/order/weights.ts';

const datasets = [
  { name: 'a', size: 300 },
  { name: 'b', size: 500 },
  { name: 'c', size: 40 },
];
const names = datasets.map(({ name }) => name);
const schedule = [
  { weights: [1, 0, 0] },
  { fromSample: 137, weights: [2, 1, 1] },
  { fromEpoch: 1, weights: [0, 1, 0] },
  { fromEpoch: 3, weights: [1, 1, 1] },
];

/** Walks a plan and checks that every counter comes once and in order. */
function counts(plan: MixPlan, end: number, from = datasets.map(() => 0)): number[] {
  const seen = [...from];
  for (let t = 0; t < end; t++) {
    const { dataset, counter } = plan.pick(t);
    if (counter !== seen[dataset]) throw new Error(`position ${t}: ${dataset} ${counter}`);
    seen[dataset]++;
    if (plan.count(dataset, t + 1) !== seen[dataset]) throw new Error(`count at ${t + 1}`);
  }
  return seen;
}

describe('a schedule of weights', () => {
  it('hands out every counter once, by the weights of each stage', () => {
    const { plan, length } = planMix(datasets, { schedule }, 'first_exhausted');
    expect(length).toBe(300);
    const at = [0, 137, 300, 900, 1500].map((t) => datasets.map((_, i) => plan.count(i, t)));
    expect(counts(plan, 1500)).toEqual(at[4]);
    const stage = (from: number): number[] => at[from + 1].map((count, i) => count - at[from][i]);
    expect(stage(0)).toEqual([137, 0, 0]);
    expect(stage(1)[0]).toBeGreaterThan(80);
    expect(stage(2)).toEqual([0, 600, 0]);
    expect(stage(3)).toEqual([200, 200, 200]);
  });

  it('has the exact shares of a stage up to its last position, shuffled', () => {
    const order = new SampleOrder({ datasets, schedule, seed: 1 });
    const picked = Array.from({ length: 1200 }, (_, t) => order.place(t).dataset);
    expect(new Set(picked.slice(0, 137))).toEqual(new Set([0]));
    expect(new Set(picked.slice(300, 900))).toEqual(new Set([1]));
    const second = picked.slice(137, 300);
    expect(second.filter((dataset) => dataset === 1).length).toBe(
      order.count(1, 300) - order.count(1, 137),
    );
    const visits = Array.from({ length: 1200 }, (_, t) => order.place(t)).map(
      ({ dataset, epoch, id }) => `${dataset} ${epoch} ${id}`,
    );
    expect(new Set(visits).size).toBe(1200);
  });

  it('answers far positions at once and without having seen others', () => {
    const stages = Array.from({ length: 2000 }, (_, i) => ({
      fromSample: 1000 * i,
      weights: [1 + (i % 3), 1, 1],
    }));
    const order = new SampleOrder({ datasets, schedule: stages });
    const started = performance.now();
    expect(order.place(1e9).id).toBeLessThan(500);
    expect(performance.now() - started).toBeLessThan(50);
    expect(order.place(700)).toEqual(new SampleOrder({ datasets, schedule: stages }).place(700));
  });

  it('is part of the hash, and one stage is the same as plain weights', () => {
    const hash = (options: Partial<SampleOrderOptions>): string =>
      orderHash(new SampleOrder({ datasets, ...options }).describe());
    expect(hash({ schedule: [{ weights: [3, 2, 1] }] })).toBe(hash({ weights: [3, 2, 1] }));
    const hashes = [
      hash({ schedule }),
      hash({ schedule: schedule.slice(0, 3) }),
      hash({ schedule: [...schedule.slice(0, 3), { fromEpoch: 4, weights: [1, 1, 1] }] }),
      hash({ mixing: 'iid' }),
      hash({}),
      hash({ stop: 'all_exhausted_without_replacement' }),
      hash({ datasets: [{ ...datasets[0], shards: { lengths: [100, 200] } }] }),
      hash({ datasets: [{ ...datasets[0], shards: { lengths: [100, 200], inFlight: 2 } }] }),
      hash({ datasets: [datasets[0]] }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it.each([
    { schedule: [], message: /has no stage/ },
    { schedule: [{ fromSample: 5, weights: [1, 1, 1] }], message: /must begin at 0/ },
    { schedule: [{ weights: [1, 1, 1] }, { weights: [1, 1, 1] }], message: /stage 1 does not say/ },
    {
      schedule: [
        { weights: [1, 0, 0] },
        { fromEpoch: 1, weights: [1, 1, 1] },
        { fromSample: 300, weights: [1, 1, 1] },
      ],
      message: /stage 2 begins at sample 300, not after stage 1 \(sample 300\)/,
    },
    {
      schedule: [{ weights: [1, 1, 1] }, { fromEpoch: 1, fromSample: 1, weights: [1, 1, 1] }],
      message: /stage 1 has from_epoch and from_sample/,
    },
    { schedule: [{ weights: [1, 1] }], message: /Expected 3 dataset weights/ },
    {
      schedule,
      stop: 'all_exhausted_without_replacement' as const,
      message: /takes every sample once an epoch/,
    },
  ])('refuses $message', ({ message, ...options }) => {
    expect(() => new SampleOrder({ datasets, ...options })).toThrow(message);
  });
});

describe('all_exhausted_without_replacement', () => {
  it.each([[[1, 1, 1]], [[5, 4, 1]], [[1, 0, 100]], [[1, 2, 1e-6]]])(
    'visits every sample of weight > 0 once an epoch: %j',
    (weights) => {
      const stop = 'all_exhausted_without_replacement';
      const order = new SampleOrder({ datasets, weights, stop, seed: 6 });
      const sizes = datasets.map(({ size }, i) => (weights[i] > 0 ? size : 0));
      expect(order.length).toBe(sizes.reduce((a, b) => a + b));
      for (let epoch = 0; epoch < 3; epoch++) {
        const visits = Array.from({ length: order.length }, (_, p) =>
          order.place(epoch * order.length + p),
        );
        expect(new Set(visits.map(({ dataset, id }) => `${dataset} ${id}`)).size).toBe(
          order.length,
        );
        expect(visits.every((place) => place.epoch === epoch)).toBe(true);
      }
    },
  );

  it('keeps the shares until a dataset is through, then shares its part', () => {
    const weights = integerWeights([1, 1, 2], names);
    const plan = MixPlan.withoutReplacement(weights, [300, 500, 40]);
    expect(plan.turn).toBe(840);
    expect(counts(plan, 2520)).toEqual([900, 1500, 120]);
    const starts = plan.stretches.map(({ start }) => start);
    // Half of all is the small one, until its 40 samples are gone; within the mixing's error.
    expect(starts).toEqual([0, expect.any(Number), 640]);
    expect(Math.abs(starts[1] - 80)).toBeLessThanOrEqual(3);
    expect(plan.stretches.map((stretch) => stretch.weights[1])).toEqual([
      weightTotal / 4,
      weightTotal / 2,
      weightTotal,
    ]);
    expect(plan.span(2519)).toEqual({ index: 2, start: 1680 + 640, end: 2520 });
  });
});

describe('iid mixing', () => {
  const order = new SampleOrder({ datasets, weights: [6, 3, 1], mixing: 'iid', seed: 3 });
  const places = Array.from({ length: 20_000 }, (_, t) => order.place(t));

  it('draws datasets by weight and samples evenly, with chance deviations', () => {
    const shares = names.map((_, i) => places.filter(({ dataset }) => dataset === i).length);
    // Three standard deviations of a binomial count; exact mixing would have none.
    [0.6, 0.3, 0.1].forEach((p, i) => {
      const deviation = Math.abs(shares[i] - 20_000 * p);
      expect(deviation).toBeLessThan(3 * Math.sqrt(20_000 * p * (1 - p)));
      expect(deviation).toBeGreaterThan(2);
    });
    const visits = new Array<number>(40).fill(0);
    for (const { dataset, id } of places) if (dataset === 2) visits[id]++;
    const mean = shares[2] / 40;
    const chi = visits.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
    expect(chi).toBeGreaterThan(10);
    expect(chi).toBeLessThan(80);
  });

  it('has a key of its own for every draw and answers any position', () => {
    const keys = places.slice(0, 5000).map((_, t) => order.at(t).key.join());
    expect(new Set(keys).size).toBe(5000);
    const other = new SampleOrder({ datasets, weights: [6, 3, 1], mixing: 'iid', seed: 3 });
    expect(other.place(12_345)).toEqual(places[12_345]);
    expect(other.place(2 ** 52).id).toBeLessThan(500);
  });

  it('does not go with rules that count', () => {
    expect(() => new SampleOrder({ datasets, mixing: 'iid', shuffle: false })).toThrow(
      /without shuffle/,
    );
  });
});
