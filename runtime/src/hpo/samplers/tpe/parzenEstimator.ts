import type { Rng } from '../../../random/rng.ts';
import type { Distribution } from '../../distribution.ts';
import { ContinuousProduct } from './continuousProduct.ts';
import { addConstants, addLogMasses, type Kernels, kernelsOf } from './kernels.ts';
import { truncatedQuantile } from './normal.ts';
import type { ObservedRows } from './trialHistory.ts';

// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { exp, log: ln, max, min, round, trunc } = Math;

/**
 * A density over several parameters: a weighted sum of products of kernels, one product for each
 * observed trial and a last one for the prior.
 */
export class ParzenEstimator {
  readonly names: readonly string[];
  /** One for each product, summing to 1. */
  readonly weights: Float64Array;
  readonly kernels: readonly Kernels[];
  readonly #space: Readonly<Record<string, Distribution>>;
  readonly #constants: Float64Array;
  readonly #continuous: ContinuousProduct;
  readonly #scores: Float64Array;

  /** @param equalWeights false: older trials count less, from the 26th on */
  constructor(
    space: Readonly<Record<string, Distribution>>,
    { values, orders }: ObservedRows,
    equalWeights: boolean,
  ) {
    this.#space = space;
    this.names = Object.keys(space);
    const count = values[0].length;
    this.weights = withPrior(equalWeights ? new Float64Array(count).fill(1) : trialWeights(count));
    this.kernels = this.names.map((name, axis) =>
      kernelsOf(space[name], values[axis], orders[axis]),
    );
    this.#constants = new Float64Array(count + 1);
    for (let index = 0; index <= count; index++) this.#constants[index] = ln(this.weights[index]);
    for (const kernels of this.kernels) addConstants(kernels, this.#constants);
    this.#continuous = new ContinuousProduct(this.kernels, this.#constants);
    this.#scores = new Float64Array(count + 1);
  }

  /**
   * The logarithm of the density at a point of stored numbers, in the order of `names`.
   * @param enough where it is at least this, any number from this up to it will do
   */
  logDensity(point: readonly number[], enough?: number): number {
    const scores = this.#scores;
    scores.set(this.#constants);
    for (let axis = 0; axis < this.kernels.length; axis++) {
      addLogMasses(this.kernels[axis], point[axis], scores);
    }
    return this.#continuous.logSum(point, scores, enough);
  }

  /** A point drawn from the density. */
  sample(rng: Rng): number[] {
    const chosen = pick(this.weights, rng.uniform());
    return this.kernels.map((kernels, axis) =>
      sampleKernel(kernels, this.#space[this.names[axis]], chosen, rng.uniform()),
    );
  }
}

/** 1 for the latest 25 trials, before that rising from 1/count: by position, oldest first. */
export function trialWeights(count: number): Float64Array {
  const weights = new Float64Array(count).fill(1);
  const ramp = count - 25;
  for (let index = 0; index < ramp; index++) {
    const share = ramp === 1 ? 0 : index / (ramp - 1);
    weights[index] = 1 / count + share * (1 - 1 / count);
  }
  return weights;
}

function withPrior(weights: Float64Array): Float64Array {
  const all = new Float64Array(weights.length + 1);
  all.set(weights);
  all[weights.length] = 1;
  let sum = 0;
  for (let index = 0; index < all.length; index++) sum += all[index];
  for (let index = 0; index < all.length; index++) all[index] /= sum;
  return all;
}

function pick(weights: Float64Array, u: number): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) {
    sum += weights[index];
    if (u < sum) return index;
  }
  return weights.length - 1;
}

function sampleKernel(
  kernels: Kernels,
  distribution: Distribution,
  index: number,
  u: number,
): number {
  if (kernels.kind === 'categorical') {
    const { observed, choices, seen, unseen } = kernels;
    const row = Float64Array.from({ length: choices }, (_, choice) => {
      if (index === observed.length) return 1 / choices;
      return trunc(observed[index]) === choice ? seen : unseen;
    });
    return pick(row, u);
  }
  const { mu, sigma, low, high, log, step } = kernels;
  const [a, b] = [(low - mu[index]) / sigma[index], (high - mu[index]) / sigma[index]];
  const drawn = truncatedQuantile(u, a, b) * sigma[index] + mu[index];
  const value = log ? exp(drawn) : drawn;
  if (distribution.kind === 'categorical') return value;
  const { low: start, high: end } = distribution;
  const onGrid = step === null ? value : start + round((value - start) / step) * step;
  return min(max(onGrid, start), end);
}
