import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { FrozenTrial } from '../../../runtime/src/hpo/frozenTrial.ts';
import {
  createPruner,
  createSampler,
  prunerNames,
  prunerOf,
  samplerNames,
  samplerOf,
} from '../../../runtime/src/hpo/registry.ts';
import { MedianPruner } from '../../../runtime/src/hpo/pruners/medianPruner.ts';
import {
  percentileOf,
  PercentilePruner,
} from '../../../runtime/src/hpo/pruners/percentilePruner.ts';
import { parsePythonJson } from '../../../runtime/src/hpo/pythonJson.ts';
import type { Direction, TrialState } from '../../../runtime/src/hpo/trialState.ts';

interface Case {
  percentile: number;
  options: Record<
    'n_startup_trials' | 'n_warmup_steps' | 'interval_steps' | 'n_min_trials',
    number
  >;
  direction: Direction;
  history: { state: TrialState; reports: [number, number][] }[];
  current: [number, number][];
  prune: boolean;
}

const cases = readFileSync(new URL('fixtures/optuna-5.0.0-pruner.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => parsePythonJson(line) as Case);

function trialOf(number: number, state: TrialState, reports: [number, number][]): FrozenTrial {
  return {
    id: number,
    number,
    state,
    values: state === 'COMPLETE' ? [0] : null,
    params: {},
    distributions: {},
    userAttrs: {},
    systemAttrs: {},
    intermediateValues: new Map(reports),
    datetimeStart: null,
    datetimeComplete: null,
  };
}

describe('the percentile rule', () => {
  it('decides as Optuna 5.0.0 did on 80 histories, half of them pruned', () => {
    expect(cases.filter((each) => each.prune)).toHaveLength(40);
    for (const { percentile, options, direction, history, current, prune } of cases) {
      const pruner = new PercentilePruner(percentile, {
        nStartupTrials: options.n_startup_trials,
        nWarmupSteps: options.n_warmup_steps,
        intervalSteps: options.interval_steps,
        nMinTrials: options.n_min_trials,
      });
      const trials = history.map(({ state, reports }, number) => trialOf(number, state, reports));
      const trial = trialOf(trials.length, 'RUNNING', current);
      const decision = pruner.decide({ direction, trials: [...trials, trial], trial });
      expect({ percentile, options, direction, history, current, prune: decision.prune }).toEqual({
        percentile,
        options,
        direction,
        history,
        current,
        prune,
      });
    }
  });

  it('says why, in numbers that can be read', () => {
    const values = [1, 2.000000123, 3];
    const trials = values.map((value, number) => trialOf(number, 'COMPLETE', [[10, value]]));
    const trial = trialOf(3, 'RUNNING', [[10, 10 / 3]]);
    const pruner = new MedianPruner({ nStartupTrials: 3 });
    expect(pruner.decide({ direction: 'minimize', trials: [...trials, trial], trial })).toEqual({
      prune: true,
      reason: 'best 3.33333 against 2 of 3 trials at step 10',
    });
    expect(pruner.decide({ direction: 'minimize', trials: trials.slice(1), trial }).reason).toBe(
      '2 of 3 start-up trials complete',
    );
  });

  it.each([
    [[1, 2, 3, 4], 50, 2.5],
    [[4, 1, 3, 2], 25, 1.75],
    [[NaN, 7], 50, 7],
    [[1, 2, Infinity], 50, 2],
    [[NaN], 50, undefined],
    [[], 50, undefined],
  ])('percentile of %p at %p', (values, percentile, expected) => {
    expect(percentileOf(values, percentile)).toBe(expected);
  });

  it('refuses numbers out of range', () => {
    expect(() => new PercentilePruner(101)).toThrow('percentile must be from 0 to 100, got 101');
    expect(() => new MedianPruner({ intervalSteps: 0 })).toThrow(
      'intervalSteps must be at least 1',
    );
    expect(() => new MedianPruner({ nStartupTrials: -1 })).toThrow('nStartupTrials');
  });
});

describe('names', () => {
  it.each(samplerNames)('find the sampler %s', (name) => {
    const options = name === 'grid' ? { searchSpace: { a: [1] } } : {};
    expect(createSampler(name, options).name).toBe(name === 'tpe-group' ? 'tpe' : name);
  });

  it.each(prunerNames)('find the pruner %s', (name) => {
    const needed: Record<string, object> = {
      percentile: { percentile: 25 },
      threshold: { upper: 1 },
      patient: { patience: 2, pruner: { name: 'hyperband', reductionFactor: 4 } },
    };
    expect(createPruner(name, needed[name]).name).toBe(name);
  });

  it('of the command line come before those of the configuration, with their options', () => {
    expect(samplerOf(null).name).toBe('tpe');
    expect(samplerOf(null, { name: 'qmc', scramble: false }).name).toBe('qmc');
    expect(samplerOf('cmaes', { name: 'grid', searchSpace: { a: [1] } }).name).toBe('cmaes');
    expect(() => samplerOf('grid', { nEiCandidates: 9 })).toThrow('searchSpace is missing');
    expect(prunerOf('none', { nWarmupSteps: 5 }).name).toBe('none');
    expect(() => prunerOf('median', { nWarmupSteps: -5 })).toThrow('nWarmupSteps');
  });

  it.each([
    [
      () => createSampler('tpe', { nStartupTrial: 5 }),
      'sampler "tpe": unknown option "nStartupTrial". Did you mean "nStartupTrials"? Its options: ' +
        'nStartupTrials, nEiCandidates, multivariate, group, constantLiar',
    ],
    [
      () => createSampler('cmaes', { popsize: '8' }),
      'sampler "cmaes": popsize must be at least 4 (a whole number), got "8"',
    ],
    [() => createSampler('qmc', { qmcType: 'sobel' }), 'qmcType must be "sobol" or "halton"'],
    [() => createSampler('nsgaii', { mutationProb: 2 }), 'mutationProb must be from 0 to 1, got 2'],
    [() => createSampler('random', { seed: 1 }), 'unknown option "seed". It has no options'],
    [() => samplerOf(null, 'qmc' as never), "sampler: expected settings such as { name: 'tpe' }"],
    [() => createPruner('percentile'), 'percentile is missing; it must be from 0 to 100'],
    [() => createPruner('threshold'), 'pruner "threshold": lower or upper is needed'],
    [() => createPruner('patient', { patience: 1.5 }), 'patience must be at least 0'],
    [
      () => createPruner('patient', { patience: 1, pruner: { name: 'medain' } }),
      'unknown pruner "medain". Did you mean "median"?',
    ],
    [
      () => createPruner('hyperband', { maxResource: 'all' }),
      'maxResource must be at least 1 (a whole number) or "auto", got "all"',
    ],
    [() => createPruner('none', { patience: 1 }), 'unknown option "patience". It has no options'],
  ])('go with their options only (%#)', (make, message) => {
    expect(make).toThrow(message);
  });

  it('find samplers and pruners', () => {
    expect(createSampler('random').name).toBe('random');
    expect(createPruner('median').name).toBe('median');
    const context = {
      direction: 'minimize' as const,
      trials: [],
      trial: trialOf(0, 'RUNNING', []),
    };
    expect(createPruner('none').decide(context).prune).toBe(false);
  });

  it.each([
    [() => createSampler('randon'), 'unknown sampler "randon". Did you mean "random"?'],
    [
      () => createSampler('gp'),
      'the sampler "gp" is not available in this version. Available: tpe, tpe-group, random, grid',
    ],
    [() => createPruner('mediann'), 'unknown pruner "mediann". Did you mean "median"?'],
    [() => createPruner('wilcoxon'), 'the pruner "wilcoxon" is not available'],
    [() => createPruner('constructor'), 'unknown pruner "constructor"'],
  ])('refuse the others (%#)', (make, message) => {
    expect(make).toThrow(message);
  });
});
