import { describe, expect, it } from '@jest/globals';
import {
  shardPermutation,
  type ShardLayout,
} from '../../../../runtime/src/data/order/shardLayout.ts';
import { SampleOrder } from '../../../../runtime/src/data/order/sampleOrder.ts';
import { Rng } from '../../../../runtime/src/random/rng.ts';

const lengths = [50, 3, 0, 80, 21, 64, 1, 33];
const total = 252;

function shardOf(id: number): number {
  let first = 0;
  return lengths.findIndex((length) => id < (first += length));
}

function ids(layout: ShardLayout, seed = 1): number[] {
  const permutation = shardPermutation(layout, Rng.fromSeed(seed));
  expect(permutation.size).toBe(layout.lengths.reduce((a, b) => a + b));
  return Array.from({ length: permutation.size }, (_, position) => permutation.at(position));
}

describe('shardPermutation', () => {
  const layouts: ShardLayout[] = [
    { lengths },
    { lengths, inFlight: 1 },
    { lengths, inFlight: 3 },
    { lengths, inFlight: 20 },
    { lengths, inFlight: 3, window: 8 },
    { lengths, inFlight: 1, window: 1 },
    { lengths, inFlight: 2, window: 1000 },
    { lengths: [7], inFlight: 2, window: 3 },
  ];

  it.each(layouts)('visits every sample once, differently by key: %j', (layout) => {
    const order = ids(layout);
    expect([...order].sort((a, b) => a - b)).toEqual(order.map((_, index) => index));
    // One shard a window of one sample each has only the order of shards to shuffle.
    if (layout.inFlight !== 1) expect(order).not.toEqual(ids(layout, 2));
  });

  it('answers any position without having seen the ones before', () => {
    const layout = { lengths, inFlight: 3, window: 8 };
    const order = ids(layout);
    const backwards = shardPermutation(layout, Rng.fromSeed(1));
    for (let position = total - 1; position >= 0; position -= 7) {
      expect(backwards.at(position)).toBe(order[position]);
    }
  });

  it.each([1, 3])('has samples of %i shards at a time', (inFlight) => {
    const shards = ids({ lengths, inFlight }).map(shardOf);
    const firstSeen = [...new Set(shards)];
    const last = (shard: number): number => shards.lastIndexOf(shard);
    for (const [rank, shard] of firstSeen.entries()) {
      // No shard of a later group begins before all of this one were read.
      const later = firstSeen.slice(rank + inFlight);
      for (const other of later) expect(shards.indexOf(other)).toBeGreaterThan(last(shard));
    }
  });

  it('reads each shard window by window', () => {
    const window = 8;
    const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));
    const reached = lengths.map(() => 0);
    for (const id of ids({ lengths, inFlight: 3, window })) {
      const shard = shardOf(id);
      const round = Math.floor((id - starts[shard]) / window);
      expect(round).toBeGreaterThanOrEqual(reached[shard]);
      reached[shard] = round;
    }
  });

  it('is part of an order, anew in every pass, at any distance', () => {
    const large = {
      lengths: Array.from({ length: 1000 }, () => 100_000),
      inFlight: 8,
      window: 500,
    };
    const order = new SampleOrder({ datasets: [{ name: 'web', size: 1e8, shards: large }] });
    const started = performance.now();
    const first = order.place(5e7);
    const later = order.place(3e9 + 5e7);
    expect(performance.now() - started).toBeLessThan(200);
    expect(first).toMatchObject({ dataset: 0, epoch: 0 });
    expect(later.epoch).toBe(30);
    expect(first.id).not.toBe(later.id);
  });

  it.each([
    [{ lengths: [1, 2] }, /lengths sum to 3, but the dataset has 10 samples/],
    [{ lengths: [4, -1, 7] }, /shard 1 reports the length -1/],
    [{ lengths: [4, Number.NaN] }, /shard 1 reports the length NaN/],
    [{ lengths: [10], window: 0 }, /window must be a whole number, at least 1; got 0/],
    [{ lengths: [10], inFlight: 0.5 }, /inFlight must be a whole number, at least 1; got 0\.5/],
  ])('refuses %j', (shards, message) => {
    expect(() => new SampleOrder({ datasets: [{ name: 'web', size: 10, shards }] })).toThrow(
      message,
    );
  });
});
