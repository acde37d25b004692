import type { Kernels, NumericKernels } from './kernels.ts';

/** Terms so much smaller than the largest, all together, are less than its rounding. */
const NEGLIGIBLE = 38;

/**
 * The normal factors of all products side by side. Most products are far from a given point along
 * one of their first parameters already, and are left there.
 */
export class ContinuousProduct {
  readonly #axes: readonly number[];
  readonly #logs: readonly boolean[];
  readonly #bounds: readonly (readonly [number, number])[];
  /** Place and 1 / width by product, then parameter. */
  readonly #rows: Float64Array;
  readonly #kept: Float64Array;
  readonly #at: Float64Array;

  constructor(kernels: readonly Kernels[], products: number) {
    const axes = [...kernels.keys()].filter((axis) => isContinuous(kernels[axis]));
    const own = axes.map((axis) => kernels[axis] as NumericKernels);
    this.#axes = axes;
    this.#logs = own.map(({ log }) => log);
    this.#bounds = own.map(({ low, high }) => [low, high]);
    this.#rows = new Float64Array(2 * axes.length * products);
    for (const [place, { mu, scale }] of own.entries()) {
      let row = 2 * place;
      for (let index = 0; index < products; index++, row += 2 * axes.length) {
        this.#rows[row] = mu[index];
        this.#rows[row + 1] = scale[index];
      }
    }
    this.#kept = new Float64Array(products);
    this.#at = new Float64Array(axes.length);
  }

  /**
   * Logarithm of the sum of all products at `point`.
   * @param scores logarithms of what else belongs to each product
   */
  logSum(point: readonly number[], scores: Float64Array): number {
    if (!this.#place(point)) return -Infinity;
    const kept = this.#kept;
    const slack = NEGLIGIBLE + Math.log(scores.length);
    // The prior, as wide as the range, is near everywhere.
    let highest = this.#score(scores.length - 1, scores[scores.length - 1], -Infinity);
    let count = 0;
    let least = highest - slack;
    const first = this.#at.length === 0 ? 0 : this.#at[0];
    const rows = this.#rows;
    const width = 2 * this.#at.length;
    for (let index = 0, row = 0; index < scores.length; index++, row += width) {
      // The first parameter, here without a call, is enough for most.
      const z = width === 0 ? 0 : (first - rows[row]) * rows[row + 1];
      if (scores[index] - 0.5 * z * z < least) continue;
      const score = this.#score(index, scores[index], least);
      if (score < least) continue;
      if (score > highest) {
        highest = score;
        least = highest - slack;
      }
      kept[count++] = score;
    }
    if (highest === -Infinity) return -Infinity;
    let sum = 0;
    for (let index = 0; index < count; index++) sum += Math.exp(kept[index] - highest);
    return Math.log(sum) + highest;
  }

  /** The product's score at the point, or one below `least` as soon as that is certain. */
  #score(index: number, start: number, least: number): number {
    const rows = this.#rows;
    const at = this.#at;
    let score = start;
    let row = 2 * index * at.length;
    for (let axis = 0; axis < at.length && score >= least; axis++, row += 2) {
      const z = (at[axis] - rows[row]) * rows[row + 1];
      score -= 0.5 * z * z;
    }
    return score;
  }

  /** False for a point outside of the bounds. */
  #place(point: readonly number[]): boolean {
    for (let place = 0; place < this.#axes.length; place++) {
      const value = point[this.#axes[place]];
      const at = this.#logs[place] ? Math.log(value) : value;
      const [low, high] = this.#bounds[place];
      if (at < low || at > high) return false;
      this.#at[place] = at;
    }
    return true;
  }
}

function isContinuous(kernels: Kernels): boolean {
  return kernels.kind === 'numeric' && kernels.step === null;
}
