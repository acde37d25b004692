import { crc32 } from './crc32.ts';
import { UsageError } from '../../errors.ts';
import { type FrozenTrial, lastStep } from '../frozenTrial.ts';
import { checkOptions, either, oneOf, whole } from '../optionChecks.ts';
import type { PruneDecision, Pruner, PrunerContext } from './pruner.ts';
import { SuccessiveHalvingPruner } from './successiveHalvingPruner.ts';

/** Options of {@link HyperbandPruner}; steps are what the reports count. */
export interface HyperbandOptions {
  /** The first rung of the most eager bracket. Default 1. */
  readonly minResource?: number;
  /** Steps of a whole trial. Default: one more than the longest complete trial reported. */
  readonly maxResource?: number | 'auto';
  /** Default 3. */
  readonly reductionFactor?: number;
  /** Default 0; needs `maxResource`. */
  readonly bootstrapCount?: number;
}

const CHECKS = {
  minResource: whole(1),
  maxResource: either(whole(1), oneOf('auto')),
  reductionFactor: whole(2),
  bootstrapCount: whole(0),
};

/**
 * Successive halving in several brackets, each more patient than the one before. A trial's
 * bracket follows from the study's name and its number, as in Optuna.
 */
export class HyperbandPruner implements Pruner {
  readonly name = 'hyperband';
  readonly #options: Required<HyperbandOptions>;

  /** @throws UsageError ERR_HPO_PRUNER for wrong options */
  constructor(options: HyperbandOptions = {}) {
    checkOptions<HyperbandOptions>('pruner', 'hyperband', options, CHECKS);
    const { minResource = 1, maxResource = 'auto', reductionFactor = 3 } = options;
    const { bootstrapCount = 0 } = options;
    const wrong =
      (maxResource !== 'auto' && maxResource < minResource && 'maxResource is below minResource') ||
      (bootstrapCount > 0 && maxResource === 'auto' && 'bootstrapCount needs a maxResource');
    if (wrong) throw new UsageError('ERR_HPO_PRUNER', `pruner "hyperband": ${wrong}`);
    this.#options = { minResource, maxResource, reductionFactor, bootstrapCount };
  }

  decide(context: PrunerContext): PruneDecision {
    const { minResource, reductionFactor, bootstrapCount } = this.#options;
    const budgets = this.#budgets(context.trials);
    if (budgets === undefined) return { prune: false, reason: 'no complete trial has reported' };
    const { studyName = '', trials, trial } = context;
    const bracket = bracketOf(studyName, trial.number, budgets);
    const rivals = trials.filter((each) => bracketOf(studyName, each.number, budgets) === bracket);
    const minEarlyStoppingRate = bracket;
    const options = { minResource, reductionFactor, minEarlyStoppingRate, bootstrapCount };
    const decision = new SuccessiveHalvingPruner(options).decide({ ...context, trials: rivals });
    return { ...decision, reason: `bracket ${bracket}: ${decision.reason}` };
  }

  /** How many trials of each round every bracket takes. */
  #budgets(trials: readonly FrozenTrial[]): number[] | undefined {
    const { minResource, maxResource, reductionFactor } = this.#options;
    const longest = maxResource === 'auto' ? longestOf(trials) : maxResource;
    if (longest === undefined) return undefined;
    const ratio = Math.max(1, longest / minResource);
    const brackets = Math.floor(Math.log(ratio) / Math.log(reductionFactor)) + 1;
    return Array.from({ length: brackets }, (_, bracket) => {
      const left = brackets - 1 - bracket;
      return Math.ceil((brackets * reductionFactor ** left) / (left + 1));
    });
  }
}

/** Of the complete trials. */
function longestOf(trials: readonly FrozenTrial[]): number | undefined {
  const steps = trials.flatMap((trial) =>
    trial.state === 'COMPLETE' ? (lastStep(trial) ?? []) : [],
  );
  return steps.length === 0 ? undefined : Math.max(...steps) + 1;
}

function bracketOf(studyName: string, number: number, budgets: readonly number[]): number {
  const total = budgets.reduce((sum, budget) => sum + budget, 0);
  let place = crc32(`${studyName}_${number}`) % total;
  return budgets.findIndex((budget) => (place -= budget) < 0);
}
