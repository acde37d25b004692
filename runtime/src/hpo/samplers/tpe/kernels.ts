import type { Distribution } from '../../distribution.ts';
import { logMass } from './normal.ts';

// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { log: ln, min, trunc } = Math;

const LOG_SQRT_TAU = 0.5 * ln(2 * Math.PI);

/** One truncated normal for each observation and, last, the prior over the whole range. */
export interface NumericKernels {
  readonly kind: 'numeric';
  readonly mu: Float64Array;
  readonly sigma: Float64Array;
  /** What `sigma` is at least. */
  readonly narrowest: number;
  /** 1 / sigma: products are much faster than quotients. */
  readonly scale: Float64Array;
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

/**
 * Kernels of one parameter.
 * @param observations stored numbers
 * @param order their positions by value
 */
export function kernelsOf(
  distribution: Distribution,
  observations: Float64Array,
  order: Uint32Array,
): Kernels {
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
    log ? ln(bound) : bound,
  );
  const count = observations.length;
  const mu = new Float64Array(count + 1);
  if (log) for (let index = 0; index < count; index++) mu[index] = ln(observations[index]);
  else mu.set(observations);
  mu[count] = 0.5 * (low + high);
  const narrowest = (high - low) / min(100, 2 + count);
  const sigma = widths(mu, order, low, high, narrowest);
  const scale = new Float64Array(count + 1);
  for (let index = 0; index <= count; index++) scale[index] = 1 / sigma[index];
  return { kind: 'numeric', mu, sigma, narrowest, scale, low, high, log, step, order };
}

/**
 * Adds what the kernels of a categorical or stepped parameter give to the stored number `x`, one a
 * kernel. Continuous ones are the business of `ContinuousProduct`.
 */
export function addLogMasses(kernels: Kernels, x: number, scores: Float64Array): void {
  if (kernels.kind === 'categorical') addCategorical(kernels, x, scores);
  else if (kernels.step !== null) addDiscrete(kernels, kernels.step, x, scores);
}

/** What does not depend on the point: the truncated mass and, for densities, the width. */
export function addConstants(kernels: Kernels, constants: Float64Array): void {
  if (kernels.kind === 'categorical') return;
  const { mu, sigma, scale, low, high, step } = kernels;
  if (step !== null) {
    eachDistinct(kernels, (first, members) => {
      const width = sigma[first];
      const mass = logMass((low - mu[first]) / width, (high - mu[first]) / width);
      for (const index of members) constants[index] -= mass;
    });
    return;
  }
  // Most widths are the narrowest one.
  let width = NaN;
  let constant = NaN;
  for (let index = 0; index < mu.length; index++) {
    if (sigma[index] !== width) {
      width = sigma[index];
      constant = ln(width) + LOG_SQRT_TAU;
    }
    const mass = logMass((low - mu[index]) * scale[index], (high - mu[index]) * scale[index]);
    constants[index] -= mass + constant;
  }
}

function addCategorical(kernels: CategoricalKernels, x: number, scores: Float64Array): void {
  const { observed, seen, unseen, choices } = kernels;
  const [logSeen, logUnseen] = [ln(seen), ln(unseen)];
  for (let index = 0; index < observed.length; index++) {
    scores[index] += trunc(observed[index]) === x ? logSeen : logUnseen;
  }
  scores[observed.length] -= ln(choices);
}

function addDiscrete(kernels: NumericKernels, step: number, x: number, scores: Float64Array): void {
  const { mu, sigma, log } = kernels;
  const [left, right] = [x - step / 2, x + step / 2].map((at) => (log ? ln(at) : at));
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
function widths(
  mu: Float64Array,
  order: Uint32Array,
  low: number,
  high: number,
  narrowest: number,
): Float64Array {
  const count = order.length;
  const widest = high - low;
  const sigma = new Float64Array(count + 1);
  sigma[count] = widest;
  if (count === 0) return sigma;
  let at = mu[order[0]];
  let before = count === 1 ? at - low : 0;
  for (let place = 0; place < count; place++) {
    const last = place === count - 1;
    const next = last ? high : mu[order[place + 1]];
    const after = last && count > 1 ? 0 : next - at;
    const width = before > after ? before : after;
    sigma[order[place]] = width < narrowest ? narrowest : width > widest ? widest : width;
    before = next - at;
    at = next;
  }
  return sigma;
}

/** Positions by value, equal ones in their order; without a comparison function, which is slow. */
export function sortedOrder(values: Float64Array): Uint32Array {
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
