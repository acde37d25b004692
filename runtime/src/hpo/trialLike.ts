import type { RangeOptions, ParamValue } from './distribution.ts';

/**
 * What a search space may use of a trial: it only suggests. Real trials and `FixedTrial` of
 * `lightbox-runtime/testing` both offer it.
 */
export interface TrialLike {
  readonly number: number;
  /** Suggests a real number in [low, high]; `log` by magnitude, `step` on a grid. */
  suggestFloat(name: string, low: number, high: number, options?: RangeOptions): number;
  /** Suggests an integer in [low, high], both included. */
  suggestInt(name: string, low: number, high: number, options?: RangeOptions): number;
  /** Suggests one of `choices`. */
  suggestCategorical<const T extends ParamValue>(name: string, choices: readonly T[]): T;
}
