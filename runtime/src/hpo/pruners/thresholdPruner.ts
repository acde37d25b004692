import { UsageError } from '../../errors.ts';
import { lastStep } from '../frozenTrial.ts';
import { anyNumber, checkOptions, whole } from '../optionChecks.ts';
import { shortNumber } from '../shortNumber.ts';
import { isFirstInInterval } from './percentilePruner.ts';
import type { PruneDecision, Pruner, PrunerContext } from './pruner.ts';

/** Options of {@link ThresholdPruner}: at least one of the bounds. */
export interface ThresholdPrunerOptions {
  readonly lower?: number;
  readonly upper?: number;
  /** Nothing is pruned before this step. Default 0. */
  readonly nWarmupSteps?: number;
  /** The rule is applied once in each interval of so many steps. Default 1. */
  readonly intervalSteps?: number;
}

const CHECKS = {
  lower: anyNumber,
  upper: anyNumber,
  nWarmupSteps: whole(0),
  intervalSteps: whole(1),
};

/** Prunes a trial whose latest report is NaN or outside of fixed bounds. */
export class ThresholdPruner implements Pruner {
  readonly name = 'threshold';
  readonly #options: Required<ThresholdPrunerOptions>;

  /** @throws UsageError ERR_HPO_PRUNER without a bound, or with bounds out of order */
  constructor(options: ThresholdPrunerOptions) {
    const { lower = -Infinity, upper = Infinity, nWarmupSteps = 0, intervalSteps = 1 } = options;
    checkOptions<ThresholdPrunerOptions>('pruner', 'threshold', options, CHECKS);
    const wrong =
      (options.lower === undefined && options.upper === undefined && 'lower or upper is needed') ||
      (lower > upper && `lower ${lower} is above upper ${upper}`);
    if (wrong) throw new UsageError('ERR_HPO_PRUNER', `pruner "threshold": ${wrong}`);
    this.#options = { lower, upper, nWarmupSteps, intervalSteps };
  }

  decide({ trial }: PrunerContext): PruneDecision {
    const { lower, upper, nWarmupSteps, intervalSteps } = this.#options;
    const step = lastStep(trial);
    if (step === undefined) return { prune: false, reason: 'nothing reported yet' };
    if (step < nWarmupSteps) return { prune: false, reason: `warm-up until step ${nWarmupSteps}` };
    if (!isFirstInInterval(step, trial, nWarmupSteps, intervalSteps)) {
      return { prune: false, reason: 'this interval was judged already' };
    }
    const value = trial.intermediateValues.get(step) ?? NaN;
    const prune = !(value >= lower && value <= upper);
    return { prune, reason: `${shortNumber(value)} against [${lower}, ${upper}] at step ${step}` };
  }
}
