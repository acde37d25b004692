import { didYouMean, LightboxError } from '../../errors.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import { bestComplete } from '../samplers/tpe/splitTrials.ts';
import type { Study } from '../study.ts';
import type { Direction } from '../trialState.ts';
import { pedAnova } from './pedAnova.ts';

/** Options of {@link getParamImportances}; the defaults are those of Optuna 5.0. */
export interface ImportanceOptions {
  /** Which parameters; default: all that a complete trial has. */
  readonly params?: readonly string[];
  /**
   * What to measure instead of the objective, whatever the study's directions **smaller is
   * better**: `(trial) => trial.values[0]`, `(trial) => -trial.values[1]`. Trials for which it is
   * not finite are left out.
   */
  readonly target?: (trial: FrozenTrial) => number;
  /** Make the sum 1. Default true. */
  readonly normalize?: boolean;
  /** The share of best trials that is compared with the others, above 0. Default 0.1. */
  readonly targetQuantile?: number;
  /** The share of trials they are compared with, at most 1 (all). Default 1. */
  readonly regionQuantile?: number;
  /** Compare with where the study has searched; `false`: with the whole space. Default true. */
  readonly evaluateOnLocal?: boolean;
}

/**
 * How much each parameter decides whether a trial is among the best ones, the most important
 * first: PED-ANOVA with the numbers of Optuna's `get_param_importances`, also for conditional
 * parameters. With several objectives and no `target` it is about reaching the Pareto front.
 *
 * @returns parameter -> importance, 0 to 1. When nothing tells the trials apart (all values are
 *   equal, or so few that the best are all) every parameter has the same.
 * @throws LightboxError ERR_HPO_IMPORTANCE for fewer than two complete trials with finite values,
 *   for parameters that no complete trial has, and for quantiles out of order
 */
export async function getParamImportances(
  study: Study,
  options: ImportanceOptions = {},
): Promise<Record<string, number>> {
  return paramImportances(await study.trials(), study.directions, options);
}

/** {@link getParamImportances} of trials at hand. */
export function paramImportances(
  all: readonly FrozenTrial[],
  directions: readonly Direction[],
  options: ImportanceOptions = {},
): Record<string, number> {
  const { target, normalize = true, evaluateOnLocal = true } = options;
  const { targetQuantile = 0.1, regionQuantile = 1 } = options;
  if (!(0 < targetQuantile && targetQuantile < regionQuantile && regionQuantile <= 1)) {
    const got = `targetQuantile ${targetQuantile}, regionQuantile ${regionQuantile}`;
    throw problem(`expected 0 < targetQuantile < regionQuantile <= 1, got ${got}`);
  }
  const complete = all.filter((trial) => trial.state === 'COMPLETE' && trial.values !== null);
  const names = namesOf(complete, options.params);
  const trials = complete.filter((trial) => measures(trial, target).every(Number.isFinite));
  if (trials.length < 2) {
    throw problem(
      `importances compare trials and need at least 2 complete ones with finite values, got ${trials.length}`,
    );
  }
  const [top, region] = [targetQuantile, regionQuantile].map((quantile) =>
    topTrials(trials, directions, quantile, target),
  );
  const found = names
    .map((name) => [name, pedAnova(name, top, region, evaluateOnLocal)] as const)
    .sort((a, b) => b[1] - a[1]);
  if (!normalize) return Object.fromEntries(found);
  const sum = found.reduce((total, [, importance]) => total + importance, 0);
  const share = (importance: number): number => (sum === 0 ? 1 / found.length : importance / sum);
  return Object.fromEntries(found.map(([name, importance]) => [name, share(importance)]));
}

function namesOf(
  trials: readonly FrozenTrial[],
  wanted: readonly string[] | undefined,
): readonly string[] {
  const known = new Set(trials.flatMap((trial) => Object.keys(trial.distributions)));
  for (const name of wanted ?? []) {
    if (known.has(name)) continue;
    throw problem(`no complete trial has the parameter "${name}".${didYouMean(name, known)}`);
  }
  return wanted ?? [...known];
}

function topTrials(
  trials: readonly FrozenTrial[],
  directions: readonly Direction[],
  quantile: number,
  target: ImportanceOptions['target'],
): readonly FrozenTrial[] {
  if (quantile === 1) return trials;
  const count = Math.ceil(quantile * trials.length);
  if (target === undefined && directions.length > 1) {
    return bestComplete(trials, directions, count);
  }
  const sign = target === undefined && directions[0] === 'maximize' ? -1 : 1;
  const losses = trials.map((trial) => sign * measures(trial, target)[0]);
  const worst = losses.toSorted((a, b) => a - b)[count - 1];
  return trials.filter((_, index) => losses[index] <= worst);
}

function measures(trial: FrozenTrial, target: ImportanceOptions['target']): readonly number[] {
  return target === undefined ? (trial.values ?? []) : [target(trial)];
}

function problem(message: string): LightboxError {
  return new LightboxError('ERR_HPO_IMPORTANCE', message);
}
