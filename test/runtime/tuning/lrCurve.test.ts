import { describe, expect, it } from '@jest/globals';
import { LrCurve, rateAt, suggestRates } from '../../../runtime/src/tuning/lrCurve.ts';

const range = { minLr: 1e-6, maxLr: 1, steps: 60, mode: 'exponential' } as const;

/** Flat, falling, then running away. */
function loss(lr: number, index: number): number {
  return 2.3 / (1 + lr / 3e-3) + (lr / 0.15) ** 2 + 0.05 * Math.sin(7 * index);
}

function curveOf(losses: (lr: number, index: number) => number, threshold: number | null) {
  const curve = new LrCurve(threshold);
  for (let index = 0; index < range.steps; index++) {
    const lr = rateAt(range, index);
    if (curve.add(lr, losses(lr, index))) break;
  }
  return curve.points;
}

describe('rates', () => {
  it('begin and end where they should, evenly by factors or by steps', () => {
    expect(rateAt(range, 0)).toBe(1e-6);
    expect(rateAt(range, 59)).toBeCloseTo(1, 12);
    expect(rateAt({ ...range, steps: 3 }, 1)).toBeCloseTo(1e-3, 12);
    expect(rateAt({ ...range, steps: 3, mode: 'linear' }, 1)).toBeCloseTo(0.5000005, 12);
  });
});

describe('a curve', () => {
  it("has the smoothed losses of Lightning and numpy's steepest descent", () => {
    // lightning.pytorch.tuner.lr_finder over the same losses, and numpy.gradient over its averages.
    const points = curveOf(loss, null);
    expect(points[20].smoothed).toBeCloseTo(2.284060332130424, 10);
    expect(points[59].smoothed).toBeCloseTo(4.2871947750540516, 10);
    // Lightning 2.6 divides by the distance of rates, so noise at the lowest rates wins (2.7e-5).
    expect(suggestRates(points).steepest).toBeCloseTo(0.014773776525985, 12);
  });

  it('suggests rates on the slope when noise is small', () => {
    const { steepest, valley } = suggestRates(curveOf((lr) => loss(lr, 0), null));
    expect(steepest).toBeGreaterThan(5e-4);
    expect(steepest).toBeLessThan(5e-2);
    expect(valley).toBeGreaterThan(1e-5);
    expect(valley).toBeLessThan(5e-2);
  });

  it('ends where the loss runs away, by number or to nowhere', () => {
    expect(curveOf((lr) => (lr < 1e-2 ? 1 : 1000), 4).length).toBe(41);
    expect(curveOf((_, index) => (index < 30 ? 1 : NaN), 4)).toHaveLength(31);
    expect(curveOf((lr) => (lr < 1e-2 ? 1 : 1000), null)).toHaveLength(60);
  });

  it('goes on below zero as long as the loss falls', () => {
    expect(curveOf((_, index) => -index, 4)).toHaveLength(60);
    expect(curveOf((_, index) => (index < 40 ? -index : 1e6), 4)).toHaveLength(41);
  });

  it('suggests nothing where nothing falls', () => {
    expect(suggestRates(curveOf((_, index) => 1 + index, null))).toEqual({
      steepest: null,
      valley: null,
    });
    expect(suggestRates([])).toEqual({ steepest: null, valley: null });
  });
});
