import type { Kernels, NumericKernels } from './kernels.ts';

/** Terms so much smaller than the largest, all together, are less than its rounding. */
const NEGLIGIBLE = 38;

// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { exp, log, sqrt } = Math;
const NOTHING = -Infinity;

/**
 * The normal factors of all products side by side. Most products are far from a given point along
 * some parameter already: of those that are narrow along the leading parameter, which lie sorted
 * by their place there, only the near ones are looked at, and these are left at the first
 * parameter that shows them to be far.
 */
export class ContinuousProduct {
  /** The leading parameter is the last one. */
  readonly #axes: readonly number[];
  readonly #logs: readonly boolean[];
  readonly #bounds: readonly (readonly [number, number])[];
  /** Narrow ones by their place, then the others, last the prior. */
  readonly #products: Uint32Array;
  /** Places and 1 / width, by parameter, then product. */
  readonly #mus: readonly Float64Array[];
  readonly #scales: readonly Float64Array[];
  /** Places of the narrow ones along the leading parameter, their width and highest score there. */
  readonly #places: Float64Array;
  readonly #width: number;
  readonly #bound: number;
  readonly #kept: Float64Array;
  readonly #at: Float64Array;

  /** @param constants logarithms of what else belongs to each product, at most */
  constructor(kernels: readonly Kernels[], constants: Float64Array) {
    const axes = [...kernels.keys()].filter((axis) => isContinuous(kernels[axis]));
    const counts = axes.map((axis) => countNarrow(kernels[axis] as NumericKernels));
    const lead = counts.indexOf(Math.max(...counts));
    if (lead >= 0) axes.push(...axes.splice(lead, 1));
    const own = axes.map((axis) => kernels[axis] as NumericKernels);
    const narrow = lead < 0 ? new Uint32Array() : narrowOf(own[own.length - 1]);
    this.#axes = axes;
    this.#logs = own.map((each) => each.log);
    this.#bounds = own.map(({ low, high }) => [low, high]);
    this.#products = withOthers(narrow, constants.length);
    this.#mus = own.map(({ mu }) => mu);
    this.#scales = own.map(({ scale }) => scale);
    const leading = own.at(-1);
    this.#places = new Float64Array(narrow.length);
    let bound = NOTHING;
    for (let row = 0; row < narrow.length; row++) {
      this.#places[row] = leading?.mu[narrow[row]] ?? 0;
      if (constants[narrow[row]] > bound) bound = constants[narrow[row]];
    }
    this.#bound = bound;
    this.#width = narrow.length === 0 ? 0 : (leading?.sigma[narrow[0]] ?? 0);
    this.#kept = new Float64Array(constants.length);
    this.#at = new Float64Array(axes.length);
  }

  /**
   * Logarithm of the sum of all products at `point`.
   * @param scores logarithms of what else belongs to each product, not above the constants
   * @param enough where the sum is at least this, any number from this up to the sum will do
   */
  logSum(point: readonly number[], scores: Float64Array, enough = Infinity): number {
    if (!this.#place(point)) return NOTHING;
    const kept = this.#kept;
    const products = this.#products;
    const narrow = this.#places.length;
    const slack = NEGLIGIBLE + log(scores.length);
    let highest = NOTHING;
    let least = NOTHING;
    let count = 0;
    // Backwards, for the prior, as wide as the range, is near everywhere.
    for (let row = products.length - 1; row >= narrow; row--) {
      const score = this.#score(products[row], scores[products[row]], least);
      if (score < least || score === NOTHING) continue;
      if (score > highest) [highest, least] = [score, score - slack];
      kept[count++] = score;
    }
    if (highest >= enough) return highest;
    const [from, to] = this.#near(least);
    for (let row = from; row < to; row++) {
      const score = this.#score(products[row], scores[products[row]], least);
      if (score < least) continue;
      if (score > highest) {
        if (score >= enough) return score;
        [highest, least] = [score, score - slack];
      }
      kept[count++] = score;
    }
    if (highest === NOTHING) return NOTHING;
    let sum = 0;
    for (let index = 0; index < count; index++) sum += exp(kept[index] - highest);
    return log(sum) + highest;
  }

  /** A product's score at the point, or one below `least` as soon as that is certain. */
  #score(product: number, start: number, least: number): number {
    const at = this.#at;
    let score = start;
    for (let axis = 0; axis < at.length && score >= least; axis++) {
      const z = (at[axis] - this.#mus[axis][product]) * this.#scales[axis][product];
      score -= 0.5 * z * z;
    }
    return score;
  }

  /** The narrow rows that may reach `least`. */
  #near(least: number): [number, number] {
    if (least === NOTHING) return [0, this.#places.length];
    const above = this.#bound - least;
    if (!(above >= 0)) return [0, 0];
    const reach = this.#width * sqrt(2 * above);
    const at = this.#at[this.#at.length - 1];
    return [lowerBound(this.#places, at - reach), lowerBound(this.#places, at + reach)];
  }

  /** False for a point outside of the bounds. */
  #place(point: readonly number[]): boolean {
    for (let place = 0; place < this.#axes.length; place++) {
      const value = point[this.#axes[place]];
      const at = this.#logs[place] ? log(value) : value;
      const [low, high] = this.#bounds[place];
      if (at < low || at > high) return false;
      this.#at[place] = at;
    }
    return true;
  }
}

/** How many products have the smallest width. */
function countNarrow({ sigma, narrowest }: NumericKernels): number {
  let count = 0;
  for (let product = 0; product < sigma.length; product++) {
    if (sigma[product] === narrowest) count++;
  }
  return count;
}

/** These products, by their place. */
function narrowOf({ sigma, order, narrowest }: NumericKernels): Uint32Array {
  const products = new Uint32Array(order.length);
  let count = 0;
  for (let place = 0; place < order.length; place++) {
    const product = order[place];
    if (sigma[product] === narrowest) products[count++] = product;
  }
  return products.subarray(0, count);
}

/** Followed by all others, in their order. */
function withOthers(narrow: Uint32Array, count: number): Uint32Array {
  const all = new Uint32Array(count);
  all.set(narrow);
  const taken = new Uint8Array(count);
  for (const product of narrow) taken[product] = 1;
  let next = narrow.length;
  for (let product = 0; product < count; product++) if (taken[product] === 0) all[next++] = product;
  return all;
}

/** The first position whose value is not below `bound`. */
function lowerBound(sorted: Float64Array, bound: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle] < bound) from = middle + 1;
    else to = middle;
  }
  return from;
}

function isContinuous(kernels: Kernels): boolean {
  return kernels.kind === 'numeric' && kernels.step === null;
}
