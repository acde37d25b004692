import type {
  Distribution,
  FloatDistribution,
  IntDistribution,
  ParamValue,
} from '../distribution.ts';

/**
 * The value of `distribution` at `u` of [0, 1): equal shares of the interval are equally probable
 * values, where grids and integers get half a step beyond each end, so that the outer values are
 * as probable as the inner ones.
 */
export function fromUnit(distribution: Distribution, u: number): ParamValue {
  if (distribution.kind === 'categorical') {
    const { choices } = distribution;
    return choices[Math.min(Math.floor(u * choices.length), choices.length - 1)];
  }
  if (distribution.kind === 'float') return floatFromUnit(distribution, u);
  const { low, high, log, step } = distribution;
  if (log) {
    const drawn = Math.exp(between(Math.log(low - 0.5), Math.log(high + 0.5), u));
    return clamp(Math.round(drawn), low, high);
  }
  const drawn = between(low - step / 2, high + step / 2, u);
  return clamp(low + Math.floor((drawn - low) / step + 0.5) * step, low, high);
}

/** Where a number lies in the interval that {@link fromUnit} takes it from. */
export function toUnit(
  { kind, low, high, log, step }: FloatDistribution | IntDistribution,
  value: number,
): number {
  const half = log && kind === 'float' ? 0 : (step ?? 0) / 2;
  const scaled = (at: number): number => (log ? Math.log(at) : at);
  const [from, to] = [scaled(low - half), scaled(high + half)];
  return from === to ? 0.5 : (scaled(value) - from) / (to - from);
}

function floatFromUnit({ low, high, log, step }: FloatDistribution, u: number): number {
  if (log) return clamp(Math.exp(between(Math.log(low), Math.log(high), u)), low, high);
  if (step === null) return clamp(between(low, high, u), low, high);
  const drawn = between(low - step / 2, high + step / 2, u);
  return clamp(Math.round((drawn - low) / step) * step + low, low, high);
}

function between(low: number, high: number, u: number): number {
  const span = high - low;
  // The span of very large bounds overflows.
  return Number.isFinite(span) ? low + span * u : low * (1 - u) + high * u;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
