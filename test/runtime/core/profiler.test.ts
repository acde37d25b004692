import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Profiler, percentages } from '../../../runtime/src/core/profiler.ts';
import { hookTable, phaseLine, phaseTable } from '../../../runtime/src/core/profilerText.ts';

function fakeClock(): { now: () => number; pass: (ms: number) => void } {
  let time = 1000;
  return {
    now: () => time,
    pass: (ms) => {
      time += ms;
    },
  };
}

function secondsOf(profiler: Profiler): Record<string, number> {
  return Object.fromEntries(profiler.summary().phases.map(({ name, seconds }) => [name, seconds]));
}

describe('Profiler', () => {
  it('counts inner phases once and the rest as idle', () => {
    const clock = fakeClock();
    const profiler = new Profiler({ clock });
    clock.pass(500);
    profiler.start();
    clock.pass(1000);
    profiler.enter('validation');
    clock.pass(2000);
    profiler.enter('dataWait');
    clock.pass(3000);
    profiler.leave('dataWait');
    clock.pass(1000);
    profiler.leave('validation');
    profiler.enter('compute');
    clock.pass(13_000);
    profiler.leave('compute');
    profiler.stop();
    clock.pass(9999);
    expect(profiler.summary().seconds).toBe(20);
    expect(secondsOf(profiler)).toEqual({
      ...{ compute: 13, dataWait: 3, validation: 3, logging: 0, checkpoint: 0, idle: 1 },
    });
    expect(phaseLine(profiler.summary())).toBe(
      'compute 65.0 %, data wait 15.0 %, validation 15.0 %, idle 5.0 %',
    );
  });

  it('shows the phase that is open, and closes it at the end', () => {
    const clock = fakeClock();
    const profiler = new Profiler({ clock });
    profiler.start();
    profiler.enter('compute');
    clock.pass(4000);
    expect(secondsOf(profiler).compute).toBe(4);
    clock.pass(1000);
    profiler.stop();
    profiler.start();
    clock.pass(5000);
    expect(secondsOf(profiler)).toMatchObject({ compute: 5, idle: 5 });
  });

  it('does not count phases outside start and stop', () => {
    const clock = fakeClock();
    const profiler = new Profiler({ clock });
    profiler.enter('logging');
    clock.pass(7000);
    profiler.start();
    clock.pass(1000);
    profiler.leave('logging');
    profiler.stop();
    expect(secondsOf(profiler)).toMatchObject({ logging: 1, idle: 0 });
  });

  it('takes turns with switchTo', () => {
    const clock = fakeClock();
    const profiler = new Profiler({ clock });
    profiler.start();
    for (const phase of ['dataWait', 'compute', 'idle', 'logging'] as const) {
      profiler.switchTo(phase);
      clock.pass(1000);
    }
    expect(secondsOf(profiler)).toMatchObject({ dataWait: 1, compute: 1, idle: 1, logging: 1 });
  });

  it('refuses to leave another phase than the innermost', () => {
    const profiler = new Profiler({ clock: fakeClock() });
    profiler.enter('compute');
    expect(() => {
      profiler.leave('logging');
    }).toThrow('told to leave "logging" while in "compute"');
  });

  it('measures synchronous and asynchronous work, also when it fails', async () => {
    const clock = fakeClock();
    const profiler = new Profiler({ clock });
    profiler.start();
    const fail = (): never => {
      clock.pass(1000);
      throw new Error('on purpose');
    };
    expect(() => profiler.measure('compute', fail)).toThrow('on purpose');
    const answer = await profiler.measure('checkpoint', async () => {
      await Promise.resolve();
      clock.pass(2000);
      return 42;
    });
    expect(answer).toBe(42);
    expect(secondsOf(profiler)).toMatchObject({ compute: 1, checkpoint: 2 });
  });

  it('keeps a table of hooks, longest total first', async () => {
    const clock = fakeClock();
    const profiler = new Profiler({ clock });
    profiler.start();
    profiler.timeHook('Bar.onTrainBatchEnd', () => {
      clock.pass(2);
    });
    profiler.recordHook('Bar.onTrainBatchEnd', 4);
    await profiler.timeHook('Save.onTrainEnd', async () => {
      await Promise.resolve();
      clock.pass(98);
    });
    profiler.stop();
    expect(profiler.summary().hooks).toEqual([
      { name: 'Save.onTrainEnd', calls: 1, total: 98, longest: 98 },
      { name: 'Bar.onTrainBatchEnd', calls: 2, total: 6, longest: 4 },
    ]);
    expect(hookTable(profiler.summary())).toBe(
      [
        'hook                 calls  mean ms  longest ms  seconds     %',
        '-------------------  -----  -------  ----------  -------  ----',
        'Save.onTrainEnd          1   98.000      98.000     0.10  98.0',
        'Bar.onTrainBatchEnd      2    3.000       4.000     0.01   6.0',
      ].join('\n'),
    );
  });

  it('prints a table of phases', () => {
    const clock = fakeClock();
    const profiler = new Profiler({ clock });
    profiler.start();
    profiler.enter('compute');
    clock.pass(3000);
    profiler.leave('compute');
    clock.pass(1000);
    profiler.stop();
    expect(phaseTable(profiler.summary()).split('\n')).toEqual([
      'phase       seconds      %',
      '----------  -------  -----',
      'compute        3.00   75.0',
      'data wait      0.00    0.0',
      'validation     0.00    0.0',
      'logging        0.00    0.0',
      'checkpoint     0.00    0.0',
      'idle           1.00   25.0',
      'total          4.00  100.0',
    ]);
  });
});

describe('percentages', () => {
  it('add up to 100 and are at most a tenth off', () => {
    const times = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(times, (values) => {
        const total = values.reduce((sum, value) => sum + value, 0);
        fc.pre(total > 1e-300);
        const shares = percentages(values);
        const tenths = shares.map((share) => Math.round(share * 10));
        expect(tenths.reduce((sum, share) => sum + share, 0)).toBe(1000);
        for (const [index, share] of shares.entries()) {
          expect(Math.abs(share - (100 * values[index]) / total)).toBeLessThan(0.1001);
        }
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('are all zero when nothing was measured', () => {
    expect(percentages([0, 0])).toEqual([0, 0]);
  });
});
