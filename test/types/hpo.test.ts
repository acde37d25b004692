import { describe, it } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type { Study } from '../../runtime/src/hpo/index.ts';
import {
  FixedTrial,
  type HpoConfig,
  type ParamValue,
  type PrunerSettings,
  type Sampler,
  type SamplerSettings,
  type SearchSpace,
  type TrialLike,
} from '../../runtime/src/hpo/index.ts';

describe('suggestions', () => {
  const trial: TrialLike = new FixedTrial();

  it('of choices have the type of the choices', () => {
    expectTypeOf(trial.suggestCategorical('a', ['relu', 'gelu'])).toEqualTypeOf<'relu' | 'gelu'>();
    expectTypeOf(trial.suggestCategorical('b', [16, 32])).toEqualTypeOf<16 | 32>();
    expectTypeOf(trial.suggestCategorical('c', [true, null])).toEqualTypeOf<true | null>();
    const sizes: number[] = [1, 2];
    expectTypeOf(trial.suggestCategorical('d', sizes)).toEqualTypeOf<number>();
    // @ts-expect-error Choices are plain values.
    trial.suggestCategorical('e', [{ size: 1 }]);
  });

  it('of numbers are numbers', () => {
    expectTypeOf(trial.suggestFloat('f', 0, 1, { log: false, step: 0.5 })).toBeNumber();
    expectTypeOf(trial.suggestInt('g', 0, 8)).toBeNumber();
    // @ts-expect-error Unknown options are refused.
    trial.suggestInt('g', 0, 8, { steps: 2 });
  });
});

describe('search spaces', () => {
  it('take a trial and return a patch of plain data', () => {
    const space: SearchSpace = (trial) => ({ 'model.size': trial.suggestInt('size', 1, 8) });
    expectTypeOf(space).parameter(0).toEqualTypeOf<TrialLike>();
    // @ts-expect-error A function is no plain data.
    const wrong: SearchSpace = () => ({ 'model.size': () => 1 });
    expectTypeOf(wrong).toBeFunction();
  });
});

describe('settings of a search', () => {
  it('take the options of the sampler and pruner that they name', () => {
    expectTypeOf<HpoConfig['sampler']>().toEqualTypeOf<SamplerSettings | undefined>();
    expectTypeOf<HpoConfig['pruner']>().toEqualTypeOf<PrunerSettings | undefined>();
    expectTypeOf<{ nStartupTrials: 5 }>().toExtend<PrunerSettings>();
    expectTypeOf<{ name: 'qmc'; scramble: false }>().toExtend<SamplerSettings>();
    expectTypeOf<{ name: 'percentile'; percentile: 25 }>().toExtend<PrunerSettings>();
    expectTypeOf<{ name: 'percentile' }>().not.toExtend<PrunerSettings>();
    expectTypeOf<{ name: 'grid' }>().not.toExtend<SamplerSettings>();
    // @ts-expect-error Another sampler's option.
    const wrong: SamplerSettings = { name: 'cmaes', populationSize: 3 };
    expectTypeOf(wrong).toExtend<SamplerSettings>();
  });
});

describe('studies', () => {
  it('give trials and values', () => {
    expectTypeOf<ReturnType<(typeof Study)['create']>>().resolves.toEqualTypeOf<Study>();
    expectTypeOf<Study['sampler']>().toEqualTypeOf<Sampler>();
    type Objective = Parameters<Study['optimize']>[0];
    expectTypeOf<(trial: TrialLike) => number>().toExtend<Objective>();
    expectTypeOf<() => Promise<number[]>>().toExtend<Objective>();
    expectTypeOf<() => string>().not.toExtend<Objective>();
    expectTypeOf<Awaited<ReturnType<Study['bestTrial']>>>()
      .exclude<undefined>()
      .toHaveProperty('params')
      .toEqualTypeOf<Readonly<Record<string, ParamValue>>>();
  });
});
