import { describe, expect, it } from '@jest/globals';
import { rankSlice } from '../../../../runtime/src/data/order/rankSlice.ts';
import { SampleOrder } from '../../../../runtime/src/data/order/sampleOrder.ts';

const order = new SampleOrder({
  datasets: [
    { name: 'a', size: 23 },
    { name: 'b', size: 9 },
  ],
  weights: [3, 1],
  seed: 4,
});

describe('rankSlice', () => {
  it.each([1, 2, 4])('lets %i ranks see together what one sees, in every step', (ranks) => {
    for (let start = 0; start < 3 * order.length; start += 10) {
      for (const size of [1, 3, 10]) {
        const whole = Array.from({ length: size }, (_, i) => order.at(start + i));
        const parts = Array.from({ length: ranks }, (_, rank) => {
          const part = rankSlice({ start, size }, rank, ranks);
          return Array.from({ length: part.size }, (_, i) => order.at(part.start + i));
        });
        expect(parts.flat()).toEqual(whole);
        const sizes = parts.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }
    }
  });

  it.each([
    [2, 2, /rank must be a whole number from 0 to 1 \(of 2 ranks\); got 2/],
    [-1, 2, /got -1/],
    [0, 0, /number of ranks must be/],
    [0, 1.5, /got 1\.5/],
  ])('refuses rank %d of %d', (rank, ranks, message) => {
    expect(() => rankSlice({ start: 0, size: 8 }, rank, ranks)).toThrow(message);
  });
});
