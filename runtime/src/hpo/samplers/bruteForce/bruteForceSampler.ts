import type { Distribution, ParamValue } from '../../distribution.ts';
import type { FrozenTrial } from '../../frozenTrial.ts';
import { checkOptions, flag } from '../../optionChecks.ts';
import type { Plain } from '../../plain.ts';
import { knownParams, relativeParamsAttrs } from '../../relativeParams.ts';
import { isFinished } from '../../trialState.ts';
import type { Sampler, SamplerContext } from '../sampler.ts';
import { countOf, SuggestionTree, valueAt } from './suggestionTree.ts';

/** Options of {@link BruteForceSampler}. */
export interface BruteForceSamplerOptions {
  /**
   * Try what running trials are at once more rather than end while they run: for studies whose
   * trials may be lost. Default false.
   */
  readonly avoidPrematureStop?: boolean;
}

type Params = Readonly<Record<string, ParamValue>>;

const CHECKS = { avoidPrematureStop: flag };

/**
 * Tries every combination of a space of which it learns from what trials were suggested, so that
 * parameters may depend on others. Real numbers need a step. Values are tried in an order that
 * the seed decides; when none is left, the search is exhausted.
 */
export class BruteForceSampler implements Sampler {
  readonly name = 'brute_force';
  readonly #again: boolean;
  #tree: { of: readonly FrozenTrial[]; tree: SuggestionTree } | undefined;

  /** @throws UsageError ERR_HPO_SAMPLER for unknown options */
  constructor(options: BruteForceSamplerOptions = {}) {
    checkOptions<BruteForceSamplerOptions>('sampler', 'brute_force', options, CHECKS);
    this.#again = options.avoidPrematureStop ?? false;
  }

  inferRelativeSearchSpace(): Record<string, Distribution> {
    return {};
  }

  sampleRelative(context: SamplerContext): Record<string, ParamValue> {
    return this.#path(context, {});
  }

  sampleIndependent(
    context: SamplerContext,
    name: string,
    distribution: Distribution,
    params: Params,
  ): ParamValue {
    const count = countOf(name, distribution);
    const path = this.#path(context, params);
    // Nothing is left, or nothing is known: any value.
    if (!Object.hasOwn(path, name)) {
      return valueAt(distribution, context.rng.fold('brute_force', name).int(count));
    }
    return path[name];
  }

  relativeAttrs(params: Params): Record<string, Plain> {
    return Object.keys(params).length === 0 ? {} : relativeParamsAttrs(params);
  }

  isExhausted({ trials }: Pick<SamplerContext, 'trials'>, running: boolean): boolean {
    return !this.#of(trials).hasOpen(this.#again && !running);
  }

  #path({ trials, rng }: SamplerContext, params: Params): Record<string, ParamValue> {
    const draw = (name: string): number => rng.fold('brute_force', name).uniform();
    const tree = this.#of(trials);
    const path = tree.path(params, false, draw);
    if (Object.keys(path).length > 0 || !this.#again) return path;
    return tree.path(params, true, draw);
  }

  #of(trials: readonly FrozenTrial[]): SuggestionTree {
    if (this.#tree?.of !== trials) {
      const finished = trials.filter(({ state }) => isFinished(state));
      const attempts = trials.filter(({ state }) => state === 'RUNNING').map(knownParams);
      this.#tree = { of: trials, tree: new SuggestionTree(finished, attempts) };
    }
    return this.#tree.tree;
  }
}
