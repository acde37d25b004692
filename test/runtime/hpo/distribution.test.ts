import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  categoricalDistribution,
  containsInternal,
  type Distribution,
  floatDistribution,
  incompatibility,
  intDistribution,
  isSingle,
  toExternal,
  toInternal,
} from '../../../runtime/src/hpo/distribution.ts';
import {
  distributionFromJson,
  distributionToJson,
} from '../../../runtime/src/hpo/distributionJson.ts';
import { fromUnit } from '../../../runtime/src/hpo/samplers/unitInterval.ts';

const bound = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
const sortedBounds = fc.tuple(bound, bound).map(([a, b]) => (a <= b ? [a, b] : [b, a]));
// Grids of decimal numbers, as people write them.
const decimal = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((value) => value / 1000);
const anyFloat = fc.oneof(
  sortedBounds.map(([low, high]) => floatDistribution(low, high)),
  fc
    .tuple(decimal, fc.nat(100_000), fc.integer({ min: 1, max: 5000 }))
    .map(([low, width, step]) => floatDistribution(low, low + width / 10, { step: step / 1000 })),
);
const anyLog = fc
  .tuple(
    fc.double({ min: 1e-9, max: 1, noNaN: true }),
    fc.double({ min: 1, max: 1e9, noNaN: true }),
  )
  .map(([low, high]) => floatDistribution(low, high, { log: true }));
const anyInt = fc
  .tuple(fc.integer({ min: -1000, max: 1000 }), fc.nat(5000), fc.integer({ min: 1, max: 70 }))
  .map(([low, width, step]) => intDistribution(low, low + width, { step }));
const anyLogInt = fc
  .tuple(fc.integer({ min: 1, max: 1000 }), fc.nat(5000))
  .map(([low, width]) => intDistribution(low, low + width, { log: true }));
const anyChoice = fc
  .array(fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant(null)), { minLength: 1 })
  .map((choices) => categoricalDistribution([...new Set(choices)]));
const any: fc.Arbitrary<Distribution> = fc.oneof(anyFloat, anyLog, anyInt, anyLogInt, anyChoice);
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('every distribution', () => {
  it('contains what is drawn from it, also after being stored', () => {
    fc.assert(
      fc.property(any, unit, (distribution, u) => {
        const value = fromUnit(distribution, u);
        const internal = toInternal(distribution, value);
        expect(containsInternal(distribution, internal)).toBe(true);
        expect(toExternal(distribution, internal)).toEqual(value);
      }),
    );
  });

  it('survives JSON', () => {
    fc.assert(
      fc.property(any, (distribution) => {
        const back = distributionFromJson(distributionToJson(distribution));
        expect(back).toEqual(distribution);
        expect(incompatibility(distribution, back)).toBeUndefined();
      }),
    );
  });

  it('is single exactly when both ends of the interval give the same value', () => {
    fc.assert(
      fc.property(any, (distribution) => {
        const ends = [0, 1 - 2 ** -53].map((u) => fromUnit(distribution, u));
        expect(isSingle(distribution)).toBe(Object.is(ends[0], ends[1]));
      }),
    );
  });
});

describe('ranges', () => {
  it.each([
    [floatDistribution(0, 1, { step: 0.3 }).high, 0.9],
    [floatDistribution(0, 0.3, { step: 0.1 }).high, 0.3],
    [floatDistribution(-1, 1, { step: 0.7 }).high, 0.4],
    [floatDistribution(1e-3, 1, { step: 1e-2 }).high, 0.991],
    [intDistribution(1, 10, { step: 4 }).high, 9],
    [intDistribution(-5, 5, { step: 3 }).high, 4],
  ])('come down to the last point of the grid (%p)', (high, expected) => {
    expect(high).toBe(expected);
  });

  it.each([
    ['low is above high', () => floatDistribution(2, 1)],
    ['log needs low > 0', () => floatDistribution(0, 1, { log: true })],
    ['log needs low >= 1', () => intDistribution(0, 8, { log: true })],
    ['exclude each other', () => floatDistribution(1, 2, { log: true, step: 0.5 })],
    ['exclude each other', () => intDistribution(1, 2, { log: true, step: 2 })],
    ['step must be above 0', () => floatDistribution(0, 1, { step: 0 })],
    ['step must be above 0', () => intDistribution(0, 1, { step: -1 })],
    ['0.5 is not an integer', () => intDistribution(0.5, 3)],
    ['not finite', () => floatDistribution(0, Infinity)],
    ['not finite', () => floatDistribution(NaN, 1)],
    ['at least one choice', () => categoricalDistribution([])],
  ])('are refused: %s', (message, make) => {
    expect(make).toThrow(message);
  });

  it('give their ends the same probability as their inside', () => {
    const counts = new Map<unknown, number>();
    for (let index = 0; index < 900; index++) {
      const value = fromUnit(intDistribution(1, 3), (index + 0.5) / 900);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ 1: 300, 2: 300, 3: 300 });
  });
});

describe('values', () => {
  it('refuse what is no choice, no number or has no logarithm', () => {
    expect(() => toInternal(categoricalDistribution(['a', null]), 'b')).toThrow(
      'not one of ["a",null]',
    );
    expect(() => toInternal(floatDistribution(0, 1), NaN)).toThrow('NaN is not a number');
    expect(() => toInternal(floatDistribution(0, 1), '1')).toThrow('1 is not a number');
    expect(() => toInternal(floatDistribution(1, 2, { log: true }), -1)).toThrow('no logarithm');
    expect(() => toExternal(categoricalDistribution(['a']), 3)).toThrow('no choice number 3');
  });
});

describe('two descriptions of one parameter', () => {
  it.each([
    [floatDistribution(0, 1), floatDistribution(0, 2), undefined],
    [intDistribution(1, 2), intDistribution(1, 9, { step: 2 }), undefined],
    [floatDistribution(0, 1), intDistribution(0, 1), 'was float, is int'],
    [floatDistribution(1, 2), floatDistribution(1, 2, { log: true }), 'is on a log scale, was not'],
    [
      categoricalDistribution(['a']),
      categoricalDistribution(['a', 'b']),
      'choices were ["a"], are ["a","b"]',
    ],
    [categoricalDistribution([1]), categoricalDistribution([true]), 'choices were [1], are [true]'],
  ])('%p and %p', (before, now, reason) => {
    expect(incompatibility(before, now)).toBe(reason);
  });
});

describe("Optuna's older names", () => {
  it.each([
    ['{"name":"UniformDistribution","attributes":{"low":0.0,"high":1.0}}', floatDistribution(0, 1)],
    [
      '{"name":"LogUniformDistribution","attributes":{"low":1.0,"high":2.0}}',
      floatDistribution(1, 2, { log: true }),
    ],
    [
      '{"name":"DiscreteUniformDistribution","attributes":{"low":0.0,"high":1.0,"q":0.5}}',
      floatDistribution(0, 1, { step: 0.5 }),
    ],
    [
      '{"name":"IntUniformDistribution","attributes":{"low":1,"high":9,"step":2}}',
      intDistribution(1, 9, { step: 2 }),
    ],
    [
      '{"name":"IntLogUniformDistribution","attributes":{"low":1,"high":9,"step":1}}',
      intDistribution(1, 9, { log: true }),
    ],
  ])('%s', (text, expected) => {
    expect(distributionFromJson(text)).toEqual(expected);
  });

  it('are all there are', () => {
    expect(() => distributionFromJson('{"name":"Beta","attributes":{}}')).toThrow('"Beta"');
  });
});
