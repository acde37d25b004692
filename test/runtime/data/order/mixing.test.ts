import { describe, expect, it } from '@jest/globals';
import { Mixing } from '../../../../runtime/src/data/order/mixing.ts';
import { epochLength } from '../../../../runtime/src/data/order/stopRule.ts';
import {
  integerWeights,
  temperatureWeights,
  weightTotal,
} from '../../../../runtime/src/data/order/weights.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `set${i}`);

describe('integerWeights', () => {
  it.each([
    { weights: [1, 1], expected: [32_768, 32_768] },
    { weights: [1, 1, 1], expected: [21_846, 21_845, 21_845] },
    { weights: [0, 3], expected: [0, 65_536] },
    { weights: [1e-12, 1], expected: [1, 65_535] },
    { weights: [0.1, 0.2, 0.7], expected: [6554, 13_107, 45_875] },
  ])('turns $weights into $expected', ({ weights, expected }) => {
    expect(integerWeights(weights, names(weights.length))).toEqual(expected);
  });

  it('always sums to 65,536 and is within 1 of the exact share', () => {
    for (let count = 1; count <= 40; count++) {
      const weights = Array.from({ length: count }, (_, i) => 1 + ((i * 7919) % 97));
      const sum = weights.reduce((a, b) => a + b, 0);
      const whole = integerWeights(weights, names(count));
      expect(whole.reduce((a, b) => a + b, 0)).toBe(weightTotal);
      whole.forEach((share, i) => {
        expect(Math.abs(share - (weights[i] / sum) * weightTotal)).toBeLessThan(1);
      });
    }
  });

  it.each([
    { weights: [0, 0], message: /All dataset weights are 0/ },
    { weights: [1, -1], message: /"set1" must be a number >= 0, got -1/ },
    { weights: [Number.NaN, 1], message: /"set0" must be a number >= 0, got NaN/ },
    { weights: [1], message: /Expected 2 dataset weights \(set0, set1\), got 1/ },
  ])('refuses $weights', ({ weights, message }) => {
    expect(() => integerWeights(weights, names(2))).toThrow(message);
  });
});

describe('temperatureWeights', () => {
  it('is proportional to size at 1 and flattens with the temperature', () => {
    expect(temperatureWeights([100, 400], 1)).toEqual([0.25, 1]);
    expect(temperatureWeights([100, 400], 2)).toEqual([0.5, 1]);
    expect(temperatureWeights([100, 400], 1e9)[0]).toBeCloseTo(1, 6);
    expect(temperatureWeights([1, 1e6], 0.001)).toEqual([0, 1]);
  });

  it.each([0, -1, Number.NaN, Infinity])('refuses %d', (temperature) => {
    expect(() => temperatureWeights([1, 2], temperature)).toThrow(/temperature/);
  });
});

describe('Mixing', () => {
  const mixtures = [
    [1],
    [1, 1],
    [5, 4, 1],
    [0, 1, 0, 3],
    [100, 1, 1, 1, 1, 1, 1],
    names(37).map(() => 1),
  ];

  it.each(mixtures.map((weights) => [weights]))(
    'hands out every counter once, close to %j',
    (weights) => {
      const mixing = new Mixing(integerWeights(weights, names(weights.length)));
      const counts = new Array<number>(weights.length).fill(0);
      const bound = Math.ceil(Math.log2(weights.length)) + 1;
      let worst = 0;
      for (let t = 0; t < 20_000; t++) {
        const { dataset, counter } = mixing.pick(t);
        // Not by expect: 20,000 times it would take longer than everything else here.
        if (counter !== counts[dataset]) throw new Error(`position ${t}: counter ${counter}`);
        counts[dataset]++;
        counts.forEach((count, i) => {
          worst = Math.max(worst, Math.abs(count - ((t + 1) * mixing.weights[i]) / weightTotal));
        });
      }
      expect(worst).toBeLessThan(bound);
      expect(counts).toEqual(weights.map((_, i) => mixing.count(i, 20_000)));
    },
  );

  it('is exact where products pass 2^53', () => {
    const mixing = new Mixing(integerWeights([5, 4, 1], names(3)));
    const t = 2 ** 52 + 12_345;
    const counts = [0, 1, 2].map((i) => mixing.count(i, t));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(t);
    const exact = (BigInt(t) * BigInt(mixing.weights[2])) / BigInt(weightTotal);
    expect(Math.abs(Number(BigInt(counts[2]) - exact))).toBeLessThanOrEqual(2);
    const { dataset, counter } = mixing.pick(t);
    expect(counter).toBe(counts[dataset]);
    expect(mixing.count(dataset, t + 1)).toBe(counter + 1);
  });
});

describe('epochLength', () => {
  const sizes = [50, 200, 30];
  const mixing = new Mixing(integerWeights([5, 4, 1], names(3)));

  /** The rule by its definition: walk until the condition holds. */
  function walk(done: (counts: number[]) => boolean): number {
    const counts = sizes.map(() => 0);
    for (let t = 0; ; t++) {
      if (done(counts)) return t;
      counts[mixing.pick(t).dataset]++;
    }
  }

  it('ends with the first exhausted dataset', () => {
    const expected = walk((counts) => counts.some((count, i) => count >= sizes[i]));
    expect(epochLength(mixing, sizes, 'first_exhausted')).toBe(expected);
  });

  it('ends when all are exhausted', () => {
    const expected = walk((counts) => counts.every((count, i) => count >= sizes[i]));
    expect(epochLength(mixing, sizes, 'all_exhausted')).toBe(expected);
  });

  it('leaves datasets of weight 0 out of both rules', () => {
    const without = new Mixing(integerWeights([0, 1, 1], names(3)));
    expect(epochLength(without, [1, 10, 20], 'first_exhausted')).toBeLessThanOrEqual(20);
    expect(epochLength(without, [1, 10, 20], 'all_exhausted')).toBeGreaterThanOrEqual(39);
  });

  it('takes a fixed number of samples, which must be whole', () => {
    expect(epochLength(mixing, sizes, { samples: 7 })).toBe(7);
    expect(() => epochLength(mixing, sizes, { samples: 0 })).toThrow(/at least 1; got 0/);
  });
});
