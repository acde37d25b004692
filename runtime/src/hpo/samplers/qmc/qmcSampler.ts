import { type Distribution, isSingle, type ParamValue } from '../../distribution.ts';
import { checkOptions, flag, oneOf } from '../../optionChecks.ts';
import type { Plain } from '../../plain.ts';
import { relativeParamsAttrs } from '../../relativeParams.ts';
import { RandomSampler } from '../randomSampler.ts';
import type { Sampler, SamplerContext } from '../sampler.ts';
import { fromUnit } from '../unitInterval.ts';
import { SOBOL_DIMENSIONS } from './directionNumbers.ts';
import { halton } from './halton.ts';
import { sobol } from './sobol.ts';

/** Options of {@link QmcSampler}. */
export interface QmcSamplerOptions {
  /** Which sequence. Default `sobol`. */
  readonly qmcType?: 'sobol' | 'halton';
  /** Shift the sequence randomly, keyed by the study's seed, without making it less even. Default true. */
  readonly scramble?: boolean;
}

type Params = Readonly<Record<string, ParamValue>>;
type Space = Readonly<Record<string, Distribution>>;

const CHECKS = { qmcType: oneOf('sobol', 'halton'), scramble: flag };

/**
 * Spreads trials more evenly than chance does: trial n + 1 gets point n of a low-discrepancy
 * sequence over the parameters of the study's first finished trial. Which point a trial gets
 * depends on its number alone, so that parallel workers share one sequence. The first trials,
 * parameters that come later, and all beyond the 128th are random.
 */
export class QmcSampler implements Sampler {
  readonly name = 'qmc';
  readonly #type: 'sobol' | 'halton';
  readonly #scramble: boolean;
  readonly #random = new RandomSampler();

  /** @throws UsageError ERR_HPO_SAMPLER for unknown options */
  constructor(options: QmcSamplerOptions = {}) {
    checkOptions<QmcSamplerOptions>('sampler', 'qmc', options, CHECKS);
    this.#type = options.qmcType ?? 'sobol';
    this.#scramble = options.scramble ?? true;
  }

  inferRelativeSearchSpace({ trials }: SamplerContext): Space {
    const first = trials.find(({ state }) => state === 'COMPLETE' || state === 'PRUNED');
    const all = Object.entries(first?.distributions ?? {})
      .filter(([, distribution]) => !isSingle(distribution))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(all.slice(0, SOBOL_DIMENSIONS));
  }

  sampleRelative(context: SamplerContext, space: Space): Record<string, ParamValue> {
    return Object.fromEntries(
      Object.entries(space).map(([name, distribution], axis) => [
        name,
        fromUnit(distribution, this.#coordinate(context, axis)),
      ]),
    );
  }

  sampleIndependent(context: SamplerContext, name: string, distribution: Distribution): ParamValue {
    return this.#random.sampleIndependent(context, name, distribution);
  }

  relativeAttrs(params: Params): Record<string, Plain> {
    return Object.keys(params).length === 0 ? {} : relativeParamsAttrs(params);
  }

  #coordinate({ number, studyRng }: SamplerContext, axis: number): number {
    const index = Math.max(0, number - 1);
    const rng = this.#scramble ? studyRng.fold('qmc', axis) : undefined;
    return this.#type === 'sobol'
      ? sobol(axis, index, rng?.bits())
      : halton(axis, index, rng?.uniform() ?? 0);
  }
}
