import type { Rng } from '../../../random/rng.ts';
import { symmetricEigen } from './symmetricEigen.ts';

/** A point of the unit cube and how bad it is. */
export interface Solution {
  readonly point: readonly number[];
  readonly loss: number;
}

const ALPHA = 2;
const TINY = 1e-8;
const LARGEST_STEP = 1e32;

/**
 * CMA-ES in the unit cube: a normal distribution whose mean, step and covariance follow the better
 * half of each generation and turn away from the worse one. After Hansen, "The CMA evolution
 * strategy: a tutorial" (arXiv 1604.00772), whose names the parameters have.
 */
export class CmaEs {
  readonly size: number;
  readonly population: number;
  /** How many generations it was told. */
  generation = 0;
  readonly mean: Float64Array;
  sigma: number;
  /** Row after row. */
  readonly covariance: Float64Array;
  readonly #weights: Float64Array;
  readonly #rates: Rates;
  readonly #sigmaPath: Float64Array;
  readonly #path: Float64Array;
  /** Square roots of the eigenvalues, and the vectors as columns. */
  #axes: { lengths: Float64Array; vectors: Float64Array } | undefined;

  /**
   * @param population default 4 + 3 ln(size), and never below 4
   * @param sigma the first step, default a sixth of the cube
   */
  constructor(size: number, population?: number, sigma = 1 / 6) {
    this.size = size;
    this.population = population ?? 4 + Math.floor(3 * Math.log(size));
    this.mean = new Float64Array(size).fill(0.5);
    this.sigma = sigma;
    this.covariance = new Float64Array(size * size);
    for (let axis = 0; axis < size; axis++) this.covariance[axis * size + axis] = 1;
    [this.#weights, this.#rates] = settings(size, this.population);
    this.#sigmaPath = new Float64Array(size);
    this.#path = new Float64Array(size);
  }

  /** A point of the next generation; outside of the cube it is drawn again, at last moved in. */
  sample(rng: Rng): number[] {
    const { lengths, vectors } = this.#decomposed();
    let point: number[] = [];
    for (let attempt = 0; attempt <= 10 * this.size; attempt++) {
      const z = Float64Array.from(lengths, (length) => length * rng.normal());
      const step = times(vectors, z);
      point = [...this.mean].map((value, axis) => value + this.sigma * step[axis]);
      if (point.every((value) => value >= 0 && value <= 1)) return point;
    }
    return point.map((value) => Math.min(Math.max(value, 0), 1));
  }

  /** Learns from a whole generation. */
  tell(solutions: readonly Solution[]): void {
    const { size } = this;
    const rates = this.#rates;
    this.generation++;
    const ranked = solutions.toSorted((a, b) => compare(a.loss, b.loss));
    const steps = ranked.map(({ point }) =>
      Float64Array.from(point, (value, axis) => (value - this.mean[axis]) / this.sigma),
    );
    const whiten = this.#whitener();
    const mean = weightedSum(steps, this.#weights, size);
    for (let axis = 0; axis < size; axis++) this.mean[axis] += this.sigma * mean[axis];
    const white = whiten(mean);
    const { cSigma, dSigma, cc, muEff, expected } = rates;
    follow(this.#sigmaPath, cSigma, Math.sqrt(cSigma * (2 - cSigma) * muEff), white);
    const length = Math.hypot(...this.#sigmaPath);
    const grown = this.sigma * Math.exp((cSigma / dSigma) * (length / expected - 1));
    this.sigma = Math.min(grown, LARGEST_STEP);
    const settled = length / Math.sqrt(1 - (1 - cSigma) ** (2 * (this.generation + 1)));
    const moves = settled < (1.4 + 2 / (size + 1)) * expected;
    follow(this.#path, cc, moves ? Math.sqrt(cc * (2 - cc) * muEff) : 0, mean);
    this.#adapt(steps, steps.map(whiten), moves);
    this.#axes = undefined;
  }

  #adapt(steps: readonly Float64Array[], white: readonly Float64Array[], moves: boolean): void {
    const { size, covariance } = this;
    const { c1, cMu, cc } = this.#rates;
    const weights = this.#weights;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const keep = 1 + (moves ? 0 : c1 * cc * (2 - cc)) - c1 - cMu * total;
    const scaled = weights.map((weight, index) =>
      weight >= 0 ? weight : (weight * size) / (squareOf(white[index]) + TINY),
    );
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        let sum = 0;
        for (let index = 0; index < steps.length; index++) {
          sum += scaled[index] * steps[index][row] * steps[index][column];
        }
        const at = row * size + column;
        covariance[at] =
          keep * covariance[at] + c1 * this.#path[row] * this.#path[column] + cMu * sum;
      }
    }
  }

  #decomposed(): { lengths: Float64Array; vectors: Float64Array } {
    if (this.#axes === undefined) {
      const { values, vectors } = symmetricEigen(this.covariance, this.size);
      // Rounding may bring the smallest below 0.
      const lengths = values.map((value) => Math.sqrt(value <= 0 ? TINY : value));
      this.#axes = { lengths, vectors };
    }
    return this.#axes;
  }

  /** Multiplies by the inverse root of the covariance as it was when the points were drawn. */
  #whitener(): (vector: Float64Array) => Float64Array {
    const { lengths, vectors } = this.#decomposed();
    return (vector) => {
      const along = timesTransposed(vectors, vector);
      return times(
        vectors,
        along.map((value, axis) => value / lengths[axis]),
      );
    };
  }
}

interface Rates {
  readonly muEff: number;
  readonly c1: number;
  readonly cMu: number;
  readonly cSigma: number;
  readonly dSigma: number;
  readonly cc: number;
  /** Of a standard normal vector's length. */
  readonly expected: number;
}

/** The tutorial's defaults: weights by rank, of which the worse half is below 0. */
function settings(size: number, population: number): [Float64Array, Rates] {
  const mu = Math.floor(population / 2);
  const raw = Float64Array.from(
    { length: population },
    (_, rank) => Math.log((population + 1) / 2) - Math.log(rank + 1),
  );
  const [best, rest] = [raw.slice(0, mu), raw.slice(mu)];
  const effective = (part: Float64Array): number => sumOf(part) ** 2 / squareOf(part);
  const [muEff, muEffRest] = [effective(best), effective(rest)];
  const c1 = ALPHA / ((size + 1.3) ** 2 + muEff);
  const cMu = Math.min(
    1 - c1 - TINY,
    (ALPHA * (muEff - 2 + 1 / muEff)) / ((size + 2) ** 2 + (ALPHA * muEff) / 2),
  );
  const least = Math.min(
    1 + c1 / cMu,
    1 + (2 * muEffRest) / (muEff + 2),
    (1 - c1 - cMu) / (size * cMu),
  );
  const above = sumOf(raw.filter((weight) => weight > 0));
  const below = -sumOf(raw.filter((weight) => weight < 0));
  const weights = raw.map((weight) => (weight >= 0 ? weight / above : (least * weight) / below));
  const cSigma = (muEff + 2) / (size + muEff + 5);
  const dSigma = 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (size + 1)) - 1) + cSigma;
  const cc = (4 + muEff / size) / (size + 4 + (2 * muEff) / size);
  const expected = Math.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size * size));
  return [weights, { muEff, c1, cMu, cSigma, dSigma, cc, expected }];
}

/** Of the better half. */
function weightedSum(
  steps: readonly Float64Array[],
  weights: Float64Array,
  size: number,
): Float64Array {
  const sum = new Float64Array(size);
  for (let index = 0; index < Math.floor(steps.length / 2); index++) {
    for (let axis = 0; axis < size; axis++) sum[axis] += weights[index] * steps[index][axis];
  }
  return sum;
}

function follow(path: Float64Array, rate: number, share: number, step: Float64Array): void {
  for (let axis = 0; axis < path.length; axis++) {
    path[axis] = (1 - rate) * path[axis] + share * step[axis];
  }
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return vector.map((_, row) => {
    let sum = 0;
    for (let column = 0; column < size; column++)
      sum += matrix[row * size + column] * vector[column];
    return sum;
  });
}

function timesTransposed(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return vector.map((_, column) => {
    let sum = 0;
    for (let row = 0; row < size; row++) sum += matrix[row * size + column] * vector[row];
    return sum;
  });
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function squareOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
