import { UsageError } from '../../../errors.ts';
import { type Distribution, type ParamValue, toExternal } from '../../distribution.ts';
import type { FrozenTrial } from '../../frozenTrial.ts';
import { checkOptions, flag, whole } from '../../optionChecks.ts';
import type { Plain } from '../../plain.ts';
import { relativeParamsAttrs } from '../../relativeParams.ts';
import type { Direction } from '../../trialState.ts';
import { groupedSpaces, withoutSingles } from '../intersectionSpace.ts';
import { RandomSampler } from '../randomSampler.ts';
import type { Sampler, SamplerContext } from '../sampler.ts';
import { ParzenEstimator } from './parzenEstimator.ts';
import { countBelow, splitTrials } from './splitTrials.ts';
import { TrialHistory } from './trialHistory.ts';

/** Options of {@link TpeSampler}; the defaults are Optuna 5.0's. */
export interface TpeSamplerOptions {
  /** Random suggestions until so many trials are COMPLETE or PRUNED. Default 10. */
  readonly nStartupTrials?: number;
  /** Candidates of which the best is suggested. Default 24. */
  readonly nEiCandidates?: number;
  /** Decide parameters together. Default: with one objective, and whenever `group` is set. */
  readonly multivariate?: boolean;
  /** Decide parameters together that always come together: for conditional spaces. Default false. */
  readonly group?: boolean;
  /** Count running trials as bad ones, so that parallel trials differ. Default true. */
  readonly constantLiar?: boolean;
}

type Space = Readonly<Record<string, Distribution>>;

const CHECKS = {
  nStartupTrials: whole(0),
  nEiCandidates: whole(1),
  multivariate: flag,
  group: flag,
  constantLiar: flag,
};

/**
 * The tree-structured Parzen estimator of Optuna 5.0: one density of the good trials, one of the
 * others, and the suggestion where their quotient is largest among candidates drawn from the
 * first. With several objectives good trials are those of the first Pareto fronts; trials that
 * violate constraints are the last to be good.
 */
export class TpeSampler implements Sampler {
  readonly name = 'tpe';
  readonly #options: Required<Omit<TpeSamplerOptions, 'multivariate'>>;
  readonly #multivariate: boolean | undefined;
  readonly #random = new RandomSampler();
  readonly #history = new TrialHistory();

  /** @throws UsageError ERR_HPO_SAMPLER for wrong options, or group without multivariate */
  constructor(options: TpeSamplerOptions = {}) {
    checkOptions<TpeSamplerOptions>('sampler', 'tpe', options, CHECKS);
    const { nStartupTrials = 10, nEiCandidates = 24, group = false } = options;
    if (group && options.multivariate === false) {
      throw new UsageError('ERR_HPO_SAMPLER', 'sampler "tpe": group needs multivariate');
    }
    const { constantLiar = true } = options;
    this.#options = { nStartupTrials, nEiCandidates, group, constantLiar };
    this.#multivariate = options.multivariate;
  }

  inferRelativeSearchSpace(context: SamplerContext): Space {
    if (!this.#isMultivariate(context.directions)) return {};
    const spaces = this.#options.group
      ? groupedSpaces(context.trials)
      : [this.#common(context.trials)];
    return withoutSingles(Object.assign({}, ...spaces) as Space);
  }

  sampleRelative(context: SamplerContext, space: Space): Record<string, ParamValue> {
    if (Object.keys(space).length === 0 || this.#isStartingUp(context)) return {};
    const groups = this.#options.group ? groupedSpaces(context.trials) : [space];
    const params: Record<string, ParamValue> = {};
    for (const group of groups) {
      const names = Object.keys(group).filter((name) => Object.hasOwn(space, name));
      if (names.length === 0) continue;
      const part = Object.fromEntries(names.map((name) => [name, space[name]]));
      Object.assign(params, this.#suggest(context, part, names[0]));
    }
    return params;
  }

  sampleIndependent(context: SamplerContext, name: string, distribution: Distribution): ParamValue {
    if (this.#isStartingUp(context)) {
      return this.#random.sampleIndependent(context, name, distribution);
    }
    return this.#suggest(context, { [name]: distribution }, name)[name];
  }

  relativeAttrs(params: Readonly<Record<string, ParamValue>>): Record<string, Plain> {
    const none = !this.#options.constantLiar || Object.keys(params).length === 0;
    return none ? {} : relativeParamsAttrs(params);
  }

  /** The two densities of the given trials over `space`; for looking into decisions. */
  estimators(
    { directions, trials }: Pick<SamplerContext, 'directions' | 'trials'>,
    space: Space,
  ): { below: ParzenEstimator; above: ParzenEstimator } {
    const { constantLiar } = this.#options;
    const counted: FrozenTrial[] = [];
    let finished = 0;
    for (const trial of trials) {
      const ended = trial.state === 'COMPLETE' || trial.state === 'PRUNED';
      if (ended) finished++;
      if (ended || (constantLiar && trial.state === 'RUNNING')) counted.push(trial);
    }
    const split = splitTrials(counted, directions, countBelow(finished, directions.length));
    this.#history.follow(trials);
    const of = (group: readonly FrozenTrial[], equal: boolean): ParzenEstimator => {
      const rows = this.#history.rows(group, space, this.#isMultivariate(directions));
      return new ParzenEstimator(space, rows, equal);
    };
    return { below: of(split.below, directions.length > 1), above: of(split.above, false) };
  }

  #suggest(context: SamplerContext, space: Space, key: string): Record<string, ParamValue> {
    const { below, above } = this.estimators(context, space);
    const rng = context.rng.fold('tpe', key);
    let best: readonly number[] = [];
    let highest = -Infinity;
    for (let index = 0; index < this.#options.nEiCandidates; index++) {
      const point = below.sample(rng);
      // What cannot become the best any more need not be known exactly.
      const good = below.logDensity(point);
      const score = good - above.logDensity(point, good - highest);
      if (index === 0 || score > highest) [best, highest] = [point, score];
    }
    return Object.fromEntries(
      below.names.map((name, axis) => [name, toExternal(space[name], best[axis])]),
    );
  }

  #isStartingUp({ trials }: SamplerContext): boolean {
    let count = 0;
    for (const { state } of trials) {
      if (state === 'COMPLETE' || state === 'PRUNED') count++;
      if (count >= this.#options.nStartupTrials) return false;
    }
    return count < this.#options.nStartupTrials;
  }

  #common(trials: readonly FrozenTrial[]): Space {
    this.#history.follow(trials);
    return this.#history.intersection();
  }

  #isMultivariate(directions: readonly Direction[]): boolean {
    return this.#multivariate ?? (this.#options.group || directions.length === 1);
  }
}
