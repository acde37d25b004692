import { type FrozenTrial, lastStep } from '../frozenTrial.ts';
import { checkOptions, whole, within } from '../optionChecks.ts';
import { shortNumber } from '../shortNumber.ts';
import { type Direction, isBetter } from '../trialState.ts';
import type { PruneDecision, Pruner, PrunerContext } from './pruner.ts';

/** Options of the percentile rule; steps are whatever the reports count (here: updates). */
export interface PercentilePrunerOptions {
  /** Nothing is pruned before so many trials are COMPLETE. Default 5. */
  readonly nStartupTrials?: number;
  /** Nothing is pruned before this step. Default 0. */
  readonly nWarmupSteps?: number;
  /** The rule is applied once in each interval of so many steps. Default 1. */
  readonly intervalSteps?: number;
  /** At least so many complete trials must have reported at this step. Default 1. */
  readonly nMinTrials?: number;
}

const CHECKS = {
  nStartupTrials: whole(0),
  nWarmupSteps: whole(0),
  intervalSteps: whole(1),
  nMinTrials: whole(1),
};

/**
 * Prunes a trial whose best report so far is worse than the percentile of what the complete
 * trials reported at the same step. The rule, its corners included, is Optuna's.
 */
export class PercentilePruner implements Pruner {
  readonly name: string = 'percentile';
  readonly #percentile: number;
  readonly #options: Required<PercentilePrunerOptions>;

  /**
   * @param percentile 0 to 100: the share of trials that is kept
   * @param name for messages
   * @throws UsageError ERR_HPO_PRUNER for wrong options
   */
  constructor(percentile: number, options: PercentilePrunerOptions = {}, name = 'percentile') {
    const { nStartupTrials = 5, nWarmupSteps = 0, intervalSteps = 1, nMinTrials = 1 } = options;
    const checks = { percentile: within(0, 100), ...CHECKS };
    checkOptions<PercentilePrunerOptions & { percentile: number }>(
      'pruner',
      name,
      { percentile, ...options },
      checks,
      ['percentile'],
    );
    this.#percentile = percentile;
    this.#options = { nStartupTrials, nWarmupSteps, intervalSteps, nMinTrials };
  }

  decide({ direction, trials, trial }: PrunerContext): PruneDecision {
    const { nStartupTrials, nWarmupSteps, intervalSteps, nMinTrials } = this.#options;
    const complete = trials.filter((other) => other.state === 'COMPLETE');
    if (complete.length === 0 || complete.length < nStartupTrials) {
      return keep(`${complete.length} of ${Math.max(1, nStartupTrials)} start-up trials complete`);
    }
    const step = lastStep(trial);
    if (step === undefined) return keep('nothing reported yet');
    if (step < nWarmupSteps)
      return keep(`step ${step} is before the warm-up's end ${nWarmupSteps}`);
    if (!isFirstInInterval(step, trial, nWarmupSteps, intervalSteps)) {
      return keep('this interval was judged already');
    }
    const best = bestReport(trial, direction);
    if (best === undefined) return { prune: true, reason: 'every report is NaN' };
    const reports = complete.flatMap((other) => other.intermediateValues.get(step) ?? []);
    const share = direction === 'maximize' ? 100 - this.#percentile : this.#percentile;
    const bound = reports.length < nMinTrials ? undefined : percentileOf(reports, share);
    if (bound === undefined) return keep(`too few complete trials reported at step ${step}`);
    const [own, limit] = [shortNumber(best), shortNumber(bound)];
    const reason = `best ${own} against ${limit} of ${reports.length} trials at step ${step}`;
    return { prune: isBetter(direction, bound, best), reason };
  }
}

/**
 * Linear interpolation between the sorted values, NaN left out; undefined when none is left.
 * @param percentile 0 to 100
 */
export function percentileOf(values: readonly number[], percentile: number): number | undefined {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const position = ((sorted.length - 1) * percentile) / 100;
  const below = Math.floor(position);
  const share = position - below;
  const [low, high] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]];
  if (share === 0 || low === high) return low;
  // numpy's way of rounding: from the nearer neighbour.
  const value = share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share);
  return Number.isNaN(value) ? undefined : value;
}

function bestReport(trial: FrozenTrial, direction: Direction): number | undefined {
  let best: number | undefined;
  for (const value of trial.intermediateValues.values()) {
    if (Number.isNaN(value)) continue;
    if (best === undefined || isBetter(direction, value, best)) best = value;
  }
  return best;
}

/** True when no earlier report of the trial falls into the interval of `step`. */
export function isFirstInInterval(
  step: number,
  trial: FrozenTrial,
  warmup: number,
  interval: number,
): boolean {
  const start = Math.floor((step - warmup) / interval) * interval + warmup;
  let previous = -1;
  for (const other of trial.intermediateValues.keys()) {
    if (other !== step && other > previous) previous = other;
  }
  return previous < start;
}

function keep(reason: string): PruneDecision {
  return { prune: false, reason };
}
