import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Terminal } from '../../../runtime/src/core/ports.ts';
import { Study, type TrialState } from '../../../runtime/src/hpo/index.ts';
import {
  bestYaml,
  checkExcluded,
  exportedPatch,
  overrideText,
  shellQuoted,
  trainCommand,
} from '../../../runtime/src/tuning/bestConfig.ts';
import { nestPatch, valueAt } from '../../../runtime/src/tuning/configPaths.ts';
import { failureOfExit } from '../../../runtime/src/tuning/failure.ts';
import { tidyCheckpoints } from '../../../runtime/src/tuning/retention.ts';
import { StudyProgress } from '../../../runtime/src/tuning/studyProgress.ts';

const base = {
  model: {
    class_path: './net.ts#Net',
    init_args: { width: 8, head: { class_path: 'x#H', init_args: {} } },
  },
  data: { class_path: './d.ts#D', init_args: { batch_size: 4 } },
  trainer: { max_epochs: 2 },
};

describe('best.yaml', () => {
  it('holds every digit and every kind of value', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)),
          fc.string(),
          fc.boolean(),
          fc.constant(null),
        ),
        (value) => {
          expect(parse(bestYaml(['a # comment'], { 'a.b': value, 'a.c': 1 }))).toEqual({
            a: { b: value, c: 1 },
          });
        },
      ),
    );
    expect(bestYaml([], {})).toBe('{}\n');
  });

  it('writes paths as a file needs them, and leaves out what is excluded however it is spelt', () => {
    const patch = {
      'model.width': 16,
      'model.init_args.head.size': 3,
      'data.batch_size': 8,
      'trainer.max_epochs': 3,
    };
    expect(exportedPatch(patch, base, ['data.init_args.batch_size'])).toEqual({
      'model.init_args.width': 16,
      'model.init_args.head.init_args.size': 3,
      'trainer.max_epochs': 3,
    });
  });

  it('refuses to exclude what the search does not set', () => {
    const config = {
      monitor: 'val/loss',
      mode: 'min' as const,
      excludedParams: ['data.batchsize'],
    };
    expect(() => {
      checkExcluded(config, { 'data.batch_size': 8 }, base);
    }).toThrow('excludedParams: "data.batchsize" is not among what the search space sets');
    expect(() => {
      checkExcluded(
        { ...config, excludedParams: ['data.batch_size'] },
        { 'data.init_args.batch_size': 1 },
        base,
      );
    }).not.toThrow();
  });
});

describe('dotted paths', () => {
  it('nest, and conflicts are refused', () => {
    expect(nestPatch({ 'a.b': 1, 'a.c.d': [2] })).toEqual({ a: { b: 1, c: { d: [2] } } });
    expect(() => nestPatch({ a: 1, 'a.b': 2 })).toThrow('"a.b" is set together with a path above');
    expect(() => nestPatch({ 'a.b': 1, a: 2 })).toThrow('"a" is set together');
    expect(() => nestPatch({ 'a..b': 1 })).toThrow('"a..b" is not a dotted path');
    expect(() => nestPatch({ '__proto__.x': 1 })).toThrow('not a dotted path');
    expect(valueAt(base, 'model.init_args.width')).toBe(8);
    expect(valueAt(base, 'model.constructor')).toBeUndefined();
  });
});

describe('commands to paste', () => {
  it('are quoted for a shell', () => {
    expect(shellQuoted('a/b.yaml')).toBe('a/b.yaml');
    expect(shellQuoted(`it's`)).toBe(`'it'\\''s'`);
    expect(shellQuoted('')).toBe(`''`);
    expect(trainCommand(['my nets/a.yaml'], ['x=$(rm -rf .)'])).toBe(
      `npm run train -- --config 'my nets/a.yaml' '--x=$(rm -rf .)'`,
    );
  });

  it('keep texts apart from numbers', () => {
    expect(overrideText('a', '1')).toBe('a="1"');
    expect(overrideText('a', 1)).toBe('a=1');
    expect(overrideText('a', 'relu')).toBe('a=relu');
    expect(overrideText('a', null)).toBe('a=null');
    expect(overrideText('a', [1, 'x'])).toBe('a=[ 1, x ]');
  });
});

describe('what an exit means', () => {
  it.each([
    [3, null, 'a\nb\n', 'exit', 'exited with code 3; it printed last: a\nb'],
    [
      null,
      'SIGKILL',
      '',
      'signal',
      'killed by SIGKILL (by somebody, or by the system for want of memory)',
    ],
    [
      134,
      null,
      'FATAL ERROR: Reached heap limit - JavaScript heap out of memory',
      'oom',
      'out of memory',
    ],
  ] as const)('code %p, signal %p', (code, signal, output, kind, message) => {
    const failure = failureOfExit(code, signal, output);
    expect(failure.kind).toBe(kind);
    expect(failure.message).toContain(message);
  });
});

async function studyWith(ends: readonly (readonly [TrialState, number | null])[]): Promise<Study> {
  const study = await Study.create();
  for (const [state, value] of ends) {
    const trial = await study.ask();
    trial.suggestFloat('x|y', 0, 1);
    if (value !== null) await trial.report(value, 1);
    if (state === 'COMPLETE') await study.tell(trial, value ?? 0);
    else if (state === 'FAIL' || state === 'PRUNED') {
      const userAttrs: Record<string, string> =
        state === 'FAIL' ? { fail_reason: 'failed:exit: code 1\nmore' } : {};
      await study.tell(trial, undefined, { state, userAttrs });
    }
  }
  return study;
}

const ends = [
  ['COMPLETE', 3],
  ['PRUNED', 9],
  ['COMPLETE', 1],
  ['FAIL', null],
  ['COMPLETE', 2],
  ['RUNNING', null],
] as const;

describe('checkpoints', () => {
  it('are kept of the best trials and of running ones', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lightbox-tidy-'));
    const study = await studyWith(ends);
    const inTrial = (number: number, name: string): string =>
      join(folder, `trial_${number}`, 'run', 'version_0', name);
    for (let number = 0; number < 6; number++) {
      mkdirSync(inTrial(number, 'checkpoints'), { recursive: true });
      writeFileSync(inTrial(number, 'metrics.csv'), '');
    }
    expect(tidyCheckpoints(folder, await study.trials(), 'minimize', 2)).toEqual([0, 1, 3]);
    const kept = [0, 1, 2, 3, 4, 5].filter((number) => existsSync(inTrial(number, 'checkpoints')));
    expect(kept).toEqual([2, 4, 5]);
    expect(existsSync(inTrial(0, 'metrics.csv'))).toBe(true);
    expect(tidyCheckpoints(folder, await study.trials(), 'minimize', 2)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

describe('progress', () => {
  function recorder(isTTY: boolean) {
    const lines: string[] = [];
    let live: readonly string[] | null = null;
    const terminal: Terminal = {
      isTTY,
      columns: 60,
      color: false,
      line: (text) => lines.push(text),
      live: (shown) => (live = shown),
    };
    return { lines, terminal, live: () => live };
  }

  it('shows running trials and the best so far below the finished ones', async () => {
    const study = await studyWith(ends.slice(0, 3));
    const trials = await study.trials();
    const { lines, terminal, live } = recorder(true);
    const options = { total: 5, monitor: 'val/loss', direction: 'minimize' as const };
    const progress = new StudyProgress(terminal, { ...options, trials: trials.slice(0, 2) });
    progress.started(2, { 'a.b.x': 0.5 }, false);
    expect(live()?.[0]).toMatch(/^ {2}trial 2: starting, \d.*x=0\.5$/);
    progress.reported(2, 1, 40);
    expect(live()?.[0]).toMatch(/trial 2: 1 at update 40/);
    expect(live()?.at(-1)).toBe('2/5 trials, best val/loss 3 (trial 0)');
    progress.ended(trials[2]);
    expect(lines[0]).toMatch(/^trial 2 +COMPLETE 1 /);
    expect(live()?.at(-1)).toMatch(/^3\/5 trials, best val\/loss 1 \(trial 2\), about /);
    for (const line of live() ?? []) expect(line.length).toBeLessThan(60);
    progress.finish();
    expect(live()).toBeNull();
  });

  it('is plain lines without a terminal', async () => {
    const study = await studyWith(ends.slice(0, 4));
    const { lines, terminal, live } = recorder(false);
    const progress = new StudyProgress(terminal, {
      total: 4,
      monitor: 'm',
      direction: 'minimize',
      trials: [],
    });
    for (const trial of await study.trials()) progress.ended(trial);
    expect(lines.filter((line) => line.startsWith('trial'))).toHaveLength(4);
    expect(lines[6]).toContain('(failed:exit: code 1)');
    expect(lines[7]).toBe('  4/4 trials, best m 1 (trial 2)');
    expect(live()).toBeNull();
  });
});
