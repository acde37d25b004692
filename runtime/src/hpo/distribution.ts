import { LightboxError } from '../errors.ts';
import { floorToStep, stepsBetween } from './decimal.ts';

/** What a parameter can be. */
export type ParamValue = string | number | boolean | null;

/** A real number in [low, high]; with `step` on the grid low, low + step, ...; `log` by magnitude. */
export interface FloatDistribution {
  readonly kind: 'float';
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
  readonly step: number | null;
}

/** An integer in [low, high], on the grid of `step`; `log` (only with step 1) by magnitude. */
export interface IntDistribution {
  readonly kind: 'int';
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
  readonly step: number;
}

/** One of the choices; stored as its index. */
export interface CategoricalDistribution {
  readonly kind: 'categorical';
  readonly choices: readonly ParamValue[];
}

/** Where a parameter comes from; equal to Optuna's distributions in meaning and on disk. */
export type Distribution = FloatDistribution | IntDistribution | CategoricalDistribution;

/** Options of a numeric parameter. */
export interface RangeOptions {
  readonly log?: boolean;
  readonly step?: number | null;
}

/**
 * A real number in [low, high]. When the range is no multiple of `step`, `high` comes down to the
 * last point of the grid.
 * @throws LightboxError ERR_HPO_DISTRIBUTION for bounds out of order, log of numbers not positive,
 *   log with step, step not positive, or bounds that are not finite
 */
export function floatDistribution(
  low: number,
  high: number,
  options: RangeOptions = {},
): FloatDistribution {
  const log = options.log ?? false;
  const step = options.step ?? null;
  const text = `float [${low}, ${high}]`;
  checkBounds(text, low, high);
  if (log && step !== null) throw invalid(`${text}: step and log exclude each other`);
  if (log && low <= 0) throw invalid(`${text}: log needs low > 0`);
  if (step !== null && !(step > 0 && Number.isFinite(step))) {
    throw invalid(`${text}: step must be above 0, got ${step}`);
  }
  return {
    kind: 'float',
    low,
    high: step === null ? high : floorToStep(low, high, step),
    log,
    step,
  };
}

/**
 * An integer in [low, high], both included.
 * @throws LightboxError ERR_HPO_DISTRIBUTION as for floats, and for bounds that are not integers
 */
export function intDistribution(
  low: number,
  high: number,
  options: RangeOptions = {},
): IntDistribution {
  const log = options.log ?? false;
  const step = options.step ?? 1;
  const text = `int [${low}, ${high}]`;
  checkBounds(text, low, high);
  for (const value of [low, high, step]) {
    if (!Number.isSafeInteger(value)) throw invalid(`${text}: ${value} is not an integer`);
  }
  if (step <= 0) throw invalid(`${text}: step must be above 0, got ${step}`);
  if (log && step !== 1) throw invalid(`${text}: step and log exclude each other`);
  if (log && low < 1) throw invalid(`${text}: log needs low >= 1`);
  const top = low + Math.floor((high - low) / step) * step;
  return { kind: 'int', low, high: top, log, step };
}

/**
 * One of `choices`.
 * @throws LightboxError ERR_HPO_DISTRIBUTION when there is none
 */
export function categoricalDistribution(choices: readonly ParamValue[]): CategoricalDistribution {
  if (choices.length === 0) throw invalid('a categorical parameter needs at least one choice');
  return { kind: 'categorical', choices: [...choices] };
}

/** True when only one value is possible, so that nothing has to be drawn. */
export function isSingle(distribution: Distribution): boolean {
  if (distribution.kind === 'categorical') return distribution.choices.length === 1;
  const { low, high, step } = distribution;
  if (low === high) return true;
  if (step === null || distribution.log) return false;
  return stepsBetween(low, high, step) === 0n;
}

/** The value of a distribution that has only one. */
export function singleValue(distribution: Distribution): ParamValue {
  return distribution.kind === 'categorical' ? distribution.choices[0] : distribution.low;
}

/** True when the stored number lies in the distribution (and on its grid). */
export function containsInternal(distribution: Distribution, internal: number): boolean {
  if (distribution.kind === 'categorical') {
    const index = Math.trunc(internal);
    return index >= 0 && index < distribution.choices.length;
  }
  const { low, high, step } = distribution;
  if (!(internal >= low && internal <= high)) return false;
  if (distribution.kind === 'int') return (internal - low) % distribution.step === 0;
  if (step === null) return true;
  const index = (internal - low) / step;
  return Math.abs(index - Math.round(index)) < 1e-8;
}

/**
 * The number a storage keeps for a value: itself, or the index of a choice.
 * @throws LightboxError ERR_HPO_PARAM for a value of another kind, NaN, or one not among the choices
 */
export function toInternal(distribution: Distribution, value: ParamValue): number {
  if (distribution.kind === 'categorical') return choiceIndex(distribution, value);
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) {
    throw new LightboxError('ERR_HPO_PARAM', `${String(value)} is not a number`);
  }
  if (distribution.log && number <= 0) {
    throw new LightboxError('ERR_HPO_PARAM', `${number} has no logarithm`);
  }
  return number;
}

/** The value that a stored number stands for. */
export function toExternal(distribution: Distribution, internal: number): ParamValue {
  if (distribution.kind === 'categorical') {
    const index = Math.trunc(internal);
    if (index < 0 || index >= distribution.choices.length) {
      throw new LightboxError('ERR_HPO_PARAM', `there is no choice number ${internal}`);
    }
    return distribution.choices[index];
  }
  return distribution.kind === 'int' ? Math.trunc(internal) : internal;
}

/**
 * Why the two may not describe one parameter of one study, or undefined when they may: ranges may
 * move, but kind, log and choices may not.
 */
export function incompatibility(before: Distribution, now: Distribution): string | undefined {
  if (before.kind !== now.kind) return `was ${before.kind}, is ${now.kind}`;
  if (before.kind === 'categorical' && now.kind === 'categorical') {
    const same =
      before.choices.length === now.choices.length &&
      before.choices.every((choice, index) => Object.is(choice, now.choices[index]));
    const [was, is] = [before.choices, now.choices].map((choices) => JSON.stringify(choices));
    return same ? undefined : `choices were ${was}, are ${is}`;
  }
  if (before.kind !== 'categorical' && now.kind !== 'categorical' && before.log !== now.log) {
    return before.log ? 'was on a log scale, is not' : 'is on a log scale, was not';
  }
  return undefined;
}

/** For messages: `float [1e-5, 0.1] log`. */
export function describeDistribution(distribution: Distribution): string {
  if (distribution.kind === 'categorical') return `one of ${JSON.stringify(distribution.choices)}`;
  const { kind, low, high, log, step } = distribution;
  const grid = step === null || (kind === 'int' && step === 1) ? '' : ` step ${step}`;
  return `${kind} [${low}, ${high}]${log ? ' log' : ''}${grid}`;
}

function choiceIndex(distribution: CategoricalDistribution, value: ParamValue): number {
  const index = distribution.choices.findIndex((choice) => Object.is(choice, value));
  if (index >= 0) return index;
  throw new LightboxError(
    'ERR_HPO_PARAM',
    `${JSON.stringify(value)} is not one of ${JSON.stringify(distribution.choices)}`,
  );
}

function checkBounds(text: string, low: number, high: number): void {
  if (!Number.isFinite(low) || !Number.isFinite(high)) throw invalid(`${text}: not finite`);
  if (low > high) throw invalid(`${text}: low is above high`);
}

function invalid(message: string): LightboxError {
  return new LightboxError('ERR_HPO_DISTRIBUTION', message);
}
