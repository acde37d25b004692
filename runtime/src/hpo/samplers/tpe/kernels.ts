import type { Distribution } from '../../distribution.ts';
import { logMass } from './normal.ts';

const LOG_SQRT_TAU = 0.5 * Math.log(2 * Math.PI);

/** One truncated normal for each observation and, last, the prior over the whole range. */
export interface NumericKernels {
  readonly kind: 'numeric';
  readonly mu: Float64Array;
  readonly sigma: Float64Array;
  /** Bounds of the normals: half a step wider than the range, logarithms where `log`. */
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
  readonly step: number | null;
  /** Positions of the kernels but the last, by `mu`. */
  readonly order: Uint32Array;
}

/** One distribution over the choices for each observation and, last, the uniform prior. */
export interface CategoricalKernels {
  readonly kind: 'categorical';
  readonly observed: Float64Array;
  readonly choices: number;
  /** Probability of the observed choice and of each other one. */
  readonly seen: number;
  readonly unseen: number;
}

export type Kernels = NumericKernels | CategoricalKernels;

/** Kernels of one parameter. `observations` are stored numbers. */
export function kernelsOf(distribution: Distribution, observations: Float64Array): Kernels {
  if (distribution.kind === 'categorical') {
    const choices = distribution.choices.length;
    const share = 1 / (observations.length + 1);
    const total = share * choices + 1;
    const [seen, unseen] = [(share + 1) / total, share / total];
    return { kind: 'categorical', observed: observations, choices, seen, unseen };
  }
  const { log, step } = distribution;
  const half = (step ?? 0) / 2;
  const [low, high] = [distribution.low - half, distribution.high + half].map((bound) =>
    log ? Math.log(bound) : bound,
  );
  const count = observations.length;
  const mu = new Float64Array(count + 1);
  for (let index = 0; index < count; index++) {
    mu[index] = log ? Math.log(observations[index]) : observations[index];
  }
  mu[count] = 0.5 * (low + high);
  const order = sortedOrder(mu.subarray(0, count));
  const sigma = widths(mu, order, low, high);
  return { kind: 'numeric', mu, sigma, low, high, log, step, order };
}

/** Adds the kernels' log-densities at the stored number `x` to `scores`, one a kernel. */
export function addLogDensities(kernels: Kernels, x: number, scores: Float64Array): void {
  if (kernels.kind === 'categorical') addCategorical(kernels, x, scores);
  else if (kernels.step === null) addContinuous(kernels, x, scores);
  else addDiscrete(kernels, kernels.step, x, scores);
}

/** What does not depend on the point: the truncated mass and, for densities, the width. */
export function addConstants(kernels: Kernels, constants: Float64Array): void {
  if (kernels.kind === 'categorical') return;
  const { mu, sigma, low, high, step } = kernels;
  if (step !== null) {
    eachDistinct(kernels, (first, members) => {
      const width = sigma[first];
      const mass = logMass((low - mu[first]) / width, (high - mu[first]) / width);
      for (const index of members) constants[index] -= mass;
    });
    return;
  }
  for (let index = 0; index < mu.length; index++) {
    const width = sigma[index];
    const mass = logMass((low - mu[index]) / width, (high - mu[index]) / width);
    constants[index] -= mass + Math.log(width) + LOG_SQRT_TAU;
  }
}

function addCategorical(kernels: CategoricalKernels, x: number, scores: Float64Array): void {
  const { observed, seen, unseen, choices } = kernels;
  const [logSeen, logUnseen] = [Math.log(seen), Math.log(unseen)];
  for (let index = 0; index < observed.length; index++) {
    scores[index] += Math.trunc(observed[index]) === x ? logSeen : logUnseen;
  }
  scores[observed.length] -= Math.log(choices);
}

function addContinuous(kernels: NumericKernels, x: number, scores: Float64Array): void {
  const { mu, sigma, log, low, high } = kernels;
  const at = log ? Math.log(x) : x;
  if (at < low || at > high) {
    scores.fill(-Infinity);
    return;
  }
  for (let index = 0; index < mu.length; index++) {
    const z = (at - mu[index]) / sigma[index];
    scores[index] -= 0.5 * z * z;
  }
}

function addDiscrete(kernels: NumericKernels, step: number, x: number, scores: Float64Array): void {
  const { mu, sigma, log } = kernels;
  const [left, right] = [x - step / 2, x + step / 2].map((at) => (log ? Math.log(at) : at));
  eachDistinct(kernels, (first, members) => {
    const mass = logMass((left - mu[first]) / sigma[first], (right - mu[first]) / sigma[first]);
    for (const index of members) scores[index] += mass;
  });
}

/** Kernels of equal place and width, which on grids are most of them, together. */
function eachDistinct(
  { mu, sigma, order }: NumericKernels,
  visit: (first: number, members: Uint32Array) => void,
): void {
  for (let start = 0; start < order.length;) {
    const first = order[start];
    let end = start + 1;
    while (
      end < order.length &&
      mu[order[end]] === mu[first] &&
      sigma[order[end]] === sigma[first]
    ) {
      end++;
    }
    visit(first, order.subarray(start, end));
    start = end;
  }
  visit(mu.length - 1, Uint32Array.of(mu.length - 1));
}

/**
 * The larger gap to the neighbours, for the outermost observations the inner one, between the
 * whole range and a share of it that shrinks with the number of kernels.
 */
function widths(mu: Float64Array, order: Uint32Array, low: number, high: number): Float64Array {
  const count = order.length;
  const widest = high - low;
  const narrowest = widest / Math.min(100, 2 + count);
  const sigma = new Float64Array(count + 1);
  for (let place = 0; place < count; place++) {
    const at = mu[order[place]];
    const before = at - (place === 0 ? low : mu[order[place - 1]]);
    const after = (place === count - 1 ? high : mu[order[place + 1]]) - at;
    let width = Math.max(before, after);
    if (count > 1 && place === 0) width = after;
    else if (count > 1 && place === count - 1) width = before;
    sigma[order[place]] = Math.min(Math.max(width, narrowest), widest);
  }
  sigma[count] = widest;
  return sigma;
}

/** Positions by value, equal ones in their order; without a comparison function, which is slow. */
function sortedOrder(values: Float64Array): Uint32Array {
  const sorted = values.slice().sort();
  const taken = new Uint32Array(values.length);
  const order = new Uint32Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    let [from, to] = [0, sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (sorted[middle] < value) from = middle + 1;
      else to = middle;
    }
    order[from + taken[from]++] = index;
  }
  return order;
}
