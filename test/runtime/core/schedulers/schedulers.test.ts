import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Adam } from '../../../../runtime/src/core/optim/index.ts';
import {
  Constant,
  Cosine,
  CosineWarmRestarts,
  Exponential,
  Linear,
  lrFactors,
  MultiStep,
  OneCycle,
  Polynomial,
  ReduceOnPlateau,
  Step,
  WarmupCosine,
  type Scheduler,
} from '../../../../runtime/src/core/schedulers/index.ts';
import { golden } from '../optim/goldenParameters.ts';

const base = 0.1;

describe("schedules against torch's", () => {
  const cases: [name: string, scheduler: Scheduler, total: number][] = [
    ['step', new Step({ stepSize: 4, gamma: 0.5 }), 12],
    ['multiStep', new MultiStep({ milestones: [3, 7] }), 12],
    ['exponential', new Exponential({ gamma: 0.9 }), 12],
    ['constant', new Constant({ factor: 0.5 }), 12],
    [
      'warmRestarts',
      new CosineWarmRestarts({ first: '3 updates', multiplier: 2, etaMin: 0.01 }),
      30,
    ],
    ['warmRestarts-equal', new CosineWarmRestarts({ first: '25%' }), 16],
    ['warmupCosine', new WarmupCosine({ warmup: 4, etaMin: 0.01 }), 14],
    ['cosine', new Cosine({ etaMin: 0.01 }), 12],
    ['linear', new Linear({ over: '5 updates' }), 12],
    ['polynomial', new Polynomial({ power: 2 }), 12],
    ['oneCycle', new OneCycle(), 20],
    [
      'oneCycle-linear',
      new OneCycle({ pctStart: 0.6, divFactor: 10, finalDivFactor: 100, annealStrategy: 'linear' }),
      13,
    ],
  ];
  it.each(cases)('%s', (name, scheduler, total) => {
    const expected = golden.schedules[name];
    const rates = expected.map((_, position) => base * scheduler.factor(position, total, base));
    rates.forEach((rate, position) => {
      expect(rate).toBeCloseTo(expected[position], 12);
    });
  });

  it.each([
    [
      'reduceOnPlateau',
      new ReduceOnPlateau({ factor: 0.5, patience: 2, cooldown: 1, minLr: 0.03 }),
    ],
    [
      'reduceOnPlateau-max',
      new ReduceOnPlateau({ mode: 'max', patience: 1, threshold: 0.2, thresholdMode: 'abs' }),
    ],
  ])('%s, saved and loaded before every observation', (name, first) => {
    let scheduler = first;
    const rates = golden.schedules.plateauMetrics.map((metric) => {
      const rate = base * scheduler.factor(0, 1, base);
      const next = new ReduceOnPlateau(scheduler.options);
      next.loadStateDict(JSON.parse(JSON.stringify(scheduler.stateDict())) as object as never);
      scheduler = next;
      scheduler.observe(metric);
      return rate;
    });
    rates.forEach((rate, index) => {
      expect(rate).toBeCloseTo(golden.schedules[name][index], 12);
    });
  });
});

describe('schedules', () => {
  it('warms up in a straight line and ends at the floor', () => {
    const scheduler = new WarmupCosine({ warmup: '10%', etaMin: 0.02 });
    const rates = Array.from({ length: 101 }, (_, at) => base * scheduler.factor(at, 100, base));
    expect(rates[0]).toBeCloseTo(base / 11, 12);
    expect(rates[9]).toBeCloseTo((base * 10) / 11, 12);
    expect(rates[10]).toBeCloseTo(base, 12);
    expect(rates[55]).toBeCloseTo((base + 0.02) / 2, 12);
    expect(rates[100]).toBeCloseTo(0.02, 12);
    expect(Math.max(...rates)).toBe(rates[10]);
  });

  it('reads warm-ups in the unit that the schedule counts, and refuses others', () => {
    const byEpoch = new WarmupCosine({ warmup: '2 epochs', interval: 'epoch' });
    expect(byEpoch.factor(2, 10, base)).toBe(1);
    expect(new WarmupCosine({ warmup: '0%' }).factor(0, 10, base)).toBe(1);
    expect(() => new WarmupCosine({ warmup: '2 epochs' })).toThrow(
      /expected updates or a percentage/,
    );
    expect(() => new Linear({ over: 'soon' })).toThrow(/Linear.over/);
  });

  it.each([
    [new Constant(), 1],
    [new Constant({ factor: 0.5 }), 0.5],
  ])('constant stays', (scheduler, factor) => {
    expect(scheduler.factor()).toBe(factor);
  });

  it('one cycle is finite and within its bounds for every run', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.oneof(fc.constantFrom(0, 1, 0.5), fc.double({ min: 0, max: 1, noNaN: true })),
        fc.double({ min: 0, max: 1.2, noNaN: true }),
        fc.constantFrom<('cos' | 'linear')[]>('cos', 'linear'),
        (total, pctStart, where, annealStrategy) => {
          const scheduler = new OneCycle({ pctStart, annealStrategy });
          const factor = scheduler.factor(Math.floor(where * total), total);
          return factor >= 1 / 25 / 1e4 - 1e-12 && factor <= 1 + 1e-12;
        },
      ),
      { numRuns: 500, seed: 7 },
    );
  });

  it('all are finite and not negative, before, in and after the run', () => {
    const all = [
      new Constant(),
      new Cosine({ etaMin: 1e-3 }),
      new CosineWarmRestarts(),
      new CosineWarmRestarts({ first: '1%', multiplier: 2, etaMin: 1e-3 }),
      new Exponential({ gamma: 0.99 }),
      new Linear(),
      new MultiStep({ milestones: [2] }),
      new Polynomial(),
      new ReduceOnPlateau(),
      new Step({ stepSize: 3 }),
      new WarmupCosine(),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom<Scheduler[]>(...all),
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 0, max: 1100 }),
        fc.constantFrom(0, 1e-3, 1),
        (scheduler, total, position, lr) => {
          const factor = scheduler.factor(position, total, lr);
          return Number.isFinite(factor) && factor >= 0;
        },
      ),
      { numRuns: 500, seed: 7 },
    );
  });

  it('gives one factor for each group, with absolute floors relative to its rate', () => {
    const optimizer = new Adam();
    const group = { weightDecay: 0, currentLr: 0, parameters: [], ranges: [] };
    optimizer.groups = [
      { ...group, name: 'a', lr: 0.1 },
      { ...group, name: 'b', lr: 0.01 },
    ];
    const factors = lrFactors(new Cosine({ etaMin: 0.005 }), optimizer, 10, 10);
    expect(factors[0]).toBeCloseTo(0.05, 12);
    expect(factors[1]).toBeCloseTo(0.5, 12);
    expect(lrFactors(undefined, optimizer, 3, 10)).toEqual([1, 1]);
  });
});
