import { UsageError } from '../../errors.ts';
import { type FrozenTrial, lastStep } from '../frozenTrial.ts';
import { checkOptions, either, oneOf, whole } from '../optionChecks.ts';
import type { Plain } from '../plain.ts';
import { shortNumber } from '../shortNumber.ts';
import type { Direction } from '../trialState.ts';
import type { PruneDecision, Pruner, PrunerContext } from './pruner.ts';

/** Options of {@link SuccessiveHalvingPruner}; steps are what the reports count. */
export interface SuccessiveHalvingOptions {
  /** The step of the first rung. Default: a hundredth of the longest complete trial. */
  readonly minResource?: number | 'auto';
  /** One of so many trials gets to the next rung, which lies so many times as far. Default 4. */
  readonly reductionFactor?: number;
  /** Rungs left out at the beginning. Default 0. */
  readonly minEarlyStoppingRate?: number;
  /** So many trials have to reach a rung before any goes on from it. Default 0. */
  readonly bootstrapCount?: number;
}

const CHECKS = {
  minResource: either(whole(1), oneOf('auto')),
  reductionFactor: whole(2),
  minEarlyStoppingRate: whole(0),
  bootstrapCount: whole(0),
};
const JUDGED = 'lightbox:judged';

/**
 * Asynchronous successive halving: at each rung a trial goes on when its latest value is among
 * the best of all that came there. Rungs are recorded as Optuna does, so that both share studies.
 */
export class SuccessiveHalvingPruner implements Pruner {
  readonly name = 'successive_halving';
  readonly #options: Required<SuccessiveHalvingOptions>;

  /** @throws UsageError ERR_HPO_PRUNER for wrong options */
  constructor(options: SuccessiveHalvingOptions = {}) {
    checkOptions<SuccessiveHalvingOptions>('pruner', 'successive_halving', options, CHECKS);
    const { minResource = 'auto', reductionFactor = 4 } = options;
    const { minEarlyStoppingRate = 0, bootstrapCount = 0 } = options;
    if (bootstrapCount > 0 && minResource === 'auto') {
      const message = 'pruner "successive_halving": bootstrapCount needs a minResource';
      throw new UsageError('ERR_HPO_PRUNER', message);
    }
    this.#options = { minResource, reductionFactor, minEarlyStoppingRate, bootstrapCount };
  }

  decide({ direction, trials, trial }: PrunerContext): PruneDecision {
    const step = lastStep(trial);
    if (step === undefined) return keep('nothing reported yet');
    const judged = trial.systemAttrs[JUDGED] as Plain | undefined;
    if (isJudgement(judged) && judged.step === step) {
      return { prune: judged.prune, reason: judged.reason };
    }
    const { minResource, reductionFactor, minEarlyStoppingRate } = this.#options;
    const first = minResource === 'auto' ? estimateResource(trials) : minResource;
    if (first === undefined) return keep('no complete trial to take the first rung from');
    const value = trial.intermediateValues.get(step) ?? NaN;
    const reached: Record<string, Plain> = {};
    for (let rung = rungOf(trial); ; rung++) {
      const bound = first * reductionFactor ** (minEarlyStoppingRate + rung);
      const answer = (prune: boolean, reason: string): PruneDecision => {
        if (Object.keys(reached).length === 0) return { prune, reason };
        return { prune, reason, systemAttrs: { ...reached, [JUDGED]: { step, prune, reason } } };
      };
      if (step < bound) return answer(false, `rung ${rung} is at step ${bound}`);
      if (Number.isNaN(value)) return answer(true, `NaN at rung ${rung}`);
      const key = rungKey(rung);
      reached[key] = value;
      const competing = competitors(trials, trial, key, value);
      const fault = this.#fault(value, competing, direction);
      if (fault !== undefined) return answer(true, `${fault} at rung ${rung}, step ${step}`);
    }
  }

  #fault(value: number, competing: readonly number[], direction: Direction): string | undefined {
    const { reductionFactor, bootstrapCount } = this.#options;
    if (competing.length <= bootstrapCount) {
      return `${competing.length} of ${bootstrapCount} trials to begin with`;
    }
    const place = Math.max(0, Math.floor(competing.length / reductionFactor) - 1);
    const sorted = competing.toSorted((a, b) => a - b);
    const bound = direction === 'maximize' ? sorted[sorted.length - 1 - place] : sorted[place];
    const good = direction === 'maximize' ? value >= bound : value <= bound;
    if (good) return undefined;
    return `${shortNumber(value)} against ${shortNumber(bound)} of ${competing.length} trials`;
  }
}

function competitors(
  trials: readonly FrozenTrial[],
  trial: FrozenTrial,
  key: string,
  value: number,
): number[] {
  const others = trials.filter((other) => other.id !== trial.id && key in other.systemAttrs);
  return [...others.map((other) => Number(other.systemAttrs[key])), value];
}

function estimateResource(trials: readonly FrozenTrial[]): number | undefined {
  let longest: number | undefined;
  for (const trial of trials) {
    const step = trial.state === 'COMPLETE' ? lastStep(trial) : undefined;
    if (step !== undefined && (longest === undefined || step > longest)) longest = step;
  }
  return longest === undefined ? undefined : Math.max(Math.floor(longest / 100), 1);
}

function rungOf(trial: FrozenTrial): number {
  let rung = 0;
  while (rungKey(rung) in trial.systemAttrs) rung++;
  return rung;
}

function rungKey(rung: number): string {
  return `completed_rung_${rung}`;
}

function isJudgement(
  value: Plain | undefined,
): value is { readonly step: number; readonly prune: boolean; readonly reason: string } {
  return typeof value === 'object' && value !== null && 'step' in value;
}

function keep(reason: string): PruneDecision {
  return { prune: false, reason };
}
