import { LightboxError } from '../errors.ts';
import {
  categoricalDistribution,
  containsInternal,
  describeDistribution,
  type Distribution,
  floatDistribution,
  intDistribution,
  type ParamValue,
  type RangeOptions,
  toInternal,
} from './distribution.ts';
import { ofParam } from './ofParam.ts';
import { fromUnit } from './samplers/unitInterval.ts';
import type { TrialLike } from './trialLike.ts';

/**
 * A trial with given parameters, for trying a search space without a study. Parameters that are
 * not given take the middle of their range (by magnitude where `log` is set), or the first choice.
 *
 * ```ts
 * const patch = searchSpace(new FixedTrial({ learning_rate: 1e-3 }), config);
 * ```
 */
export class FixedTrial implements TrialLike {
  readonly number: number;
  /** What was suggested so far. */
  readonly params: Record<string, ParamValue> = {};
  readonly distributions: Record<string, Distribution> = {};
  readonly #given: Readonly<Record<string, ParamValue>>;

  /** @param number the trial number that the space gets to see, default 0 */
  constructor(given: Readonly<Record<string, ParamValue>> = {}, number = 0) {
    this.#given = given;
    this.number = number;
  }

  suggestFloat(name: string, low: number, high: number, options?: RangeOptions): number {
    const distribution = ofParam(name, () => floatDistribution(low, high, options));
    return this.#suggest(name, distribution) as number;
  }

  suggestInt(name: string, low: number, high: number, options?: RangeOptions): number {
    const distribution = ofParam(name, () => intDistribution(low, high, options));
    return this.#suggest(name, distribution) as number;
  }

  suggestCategorical<const T extends ParamValue>(name: string, choices: readonly T[]): T {
    const distribution = ofParam(name, () => categoricalDistribution(choices));
    return this.#suggest(name, distribution) as T;
  }

  #suggest(name: string, distribution: Distribution): ParamValue {
    const middle = distribution.kind === 'categorical' ? 0 : 0.5;
    const given = Object.hasOwn(this.#given, name);
    const value = given ? this.#given[name] : fromUnit(distribution, middle);
    if (given && !containsInternal(distribution, toInternal(distribution, value))) {
      const message = `parameter "${name}": ${String(value)} is not in ${describeDistribution(distribution)}`;
      throw new LightboxError('ERR_HPO_PARAM', message);
    }
    this.params[name] = value;
    this.distributions[name] = distribution;
    return value;
  }
}
