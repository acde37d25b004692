import type { Distribution, ParamValue } from '../../hpo/distribution.ts';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { shortValue } from '../trialText.ts';

/** How a parameter lies along an axis of a chart. */
export interface ParamAxis {
  readonly name: string;
  readonly log: boolean;
  /** Texts of the choices; undefined for numbers. */
  readonly choices: readonly string[] | undefined;
  /** The range of numbers. */
  readonly low: number;
  readonly high: number;
}

/** The axis over all that the parameter was suggested from; undefined when no trial has it. */
export function paramAxis(name: string, trials: readonly FrozenTrial[]): ParamAxis | undefined {
  const found = trials.flatMap((trial) =>
    Object.hasOwn(trial.distributions, name) ? [trial.distributions[name]] : [],
  );
  if (found.length === 0) return undefined;
  const numeric = found.flatMap((each) => (each.kind === 'categorical' ? [] : [each]));
  if (numeric.length < found.length) {
    const values = trials.flatMap((trial) =>
      Object.hasOwn(trial.params, name) ? [shortValue(trial.params[name])] : [],
    );
    const choices = [...new Set([...found.flatMap(choicesOf), ...values])];
    return { name, log: false, choices, low: 0, high: Math.max(1, choices.length - 1) };
  }
  const low = numeric.reduce((least, each) => Math.min(least, each.low), Infinity);
  const high = numeric.reduce((most, each) => Math.max(most, each.high), -Infinity);
  return { name, log: numeric.some((each) => each.log) && low > 0, choices: undefined, low, high };
}

/** 0 at the low end to 1 at the high one; choices at equal distances. */
export function placeOnAxis(axis: ParamAxis, value: ParamValue): number {
  const { choices, low, high, log } = axis;
  if (choices !== undefined) {
    return choices.length === 1 ? 0.5 : choices.indexOf(shortValue(value)) / high;
  }
  if (low === high) return 0.5;
  const at = Number(value);
  return log ? Math.log(at / low) / Math.log(high / low) : (at - low) / (high - low);
}

function choicesOf(distribution: Distribution): string[] {
  return distribution.kind === 'categorical' ? distribution.choices.map(shortValue) : [];
}

/** Ticks of a logarithmic axis that stand for themselves, without the usual crowd between them. */
export function logTicks({ low, high }: ParamAxis): { values: number[]; format: string } {
  const exponents: number[] = [];
  for (let at = Math.ceil(Math.log10(low)); at <= Math.log10(high); at++) exponents.push(at);
  const every = Math.ceil(exponents.length / 6);
  const powers = exponents.filter((_, at) => at % every === 0).map((at) => 10 ** at);
  const values = powers.length >= 2 ? powers : [low, ...powers, high];
  return { values, format: low < 1e-3 || high > 1e5 ? '~e' : '.3~g' };
}
