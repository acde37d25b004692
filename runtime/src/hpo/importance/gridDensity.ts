import type { Distribution, ParamValue } from '../distribution.ts';
import { toInternal } from '../distribution.ts';
import { logMass } from '../samplers/tpe/normal.ts';

/** Numeric ranges are cut into at most so many points. */
const GRID_POINTS = 50;
/** The uniform prior weighs as much as one trial. */
const PRIOR_WEIGHT = 1;
/** Narrowest kernel: nine tenths of it stay within its point of the grid. */
const NARROWEST = 0.5 / 1.64;

/**
 * The density of `values` on a grid over the parameter's range (one point for each choice): a
 * kernel for each point that was met, as wide as Scott's rule says, and a prior over the range.
 * @param values at least one
 */
export function gridDensity(
  distribution: Distribution,
  values: readonly ParamValue[],
): Float64Array {
  if (distribution.kind === 'categorical') {
    const counts = new Float64Array(distribution.choices.length);
    for (const value of values) counts[toInternal(distribution, value)]++;
    return categoricalDensity(counts);
  }
  return numericDensity(gridCounts(distribution, values.map(Number)));
}

function gridCounts(
  distribution: Exclude<Distribution, { kind: 'categorical' }>,
  values: readonly number[],
): Float64Array {
  const points = gridPoints(distribution);
  const scale = distribution.log ? Math.log : (value: number): number => value;
  const low = scale(distribution.low);
  const width = (scale(distribution.high) - low) / (points - 1);
  const counts = new Float64Array(points);
  for (const value of values) {
    // Between two points the lower one counts.
    const index = Math.ceil((scale(value) - low) / width - 0.5);
    counts[Math.min(Math.max(index, 0), points - 1)]++;
  }
  return counts;
}

function gridPoints({
  kind,
  low,
  high,
  log,
  step,
}: Exclude<Distribution, { kind: 'categorical' }>) {
  if (kind === 'int' && log) {
    return Math.min(Math.ceil(Math.log(high - low + 1) / Math.log(2)) + 1, GRID_POINTS);
  }
  return step === null ? GRID_POINTS : Math.min(Math.round((high - low) / step) + 1, GRID_POINTS);
}

function categoricalDensity(counts: Float64Array): Float64Array {
  const met = positionsOf(counts);
  const kernels = met.length + 1;
  const total = sum(counts) + PRIOR_WEIGHT;
  const share = PRIOR_WEIGHT / kernels;
  const rowSum = 1 + share * counts.length;
  return counts.map((_, choice) => {
    let density = PRIOR_WEIGHT / total / counts.length;
    for (const at of met) {
      density += (counts[at] / total) * ((share + (at === choice ? 1 : 0)) / rowSum);
    }
    return density;
  });
}

function numericDensity(counts: Float64Array): Float64Array {
  const met = positionsOf(counts);
  const high = counts.length - 1;
  const total = sum(counts) + PRIOR_WEIGHT;
  const sigma = Math.max(scottWidth(met, counts), NARROWEST);
  const kernels = met.map((mu) => ({ mu, sigma, weight: counts[mu] / total }));
  // The prior is as wide as the range.
  kernels.push({ mu: high / 2, sigma: high + 1, weight: PRIOR_WEIGHT / total });
  const mass = (from: number, to: number, mu: number, width: number): number =>
    logMass((from - mu) / width, (to - mu) / width);
  const density = new Float64Array(counts.length);
  for (const { mu, sigma: width, weight } of kernels) {
    const inside = mass(-0.5, high + 0.5, mu, width);
    for (let x = 0; x <= high; x++) {
      density[x] += weight * Math.exp(mass(x - 0.5, x + 0.5, mu, width) - inside);
    }
  }
  return density;
}

/** Scott's rule on counted points, robust against outliers by the distance of the quartiles. */
function scottWidth(met: readonly number[], counts: Float64Array): number {
  const total = sum(counts);
  const mean = met.reduce((result, at) => result + at * counts[at], 0) / total;
  const squares = met.reduce((result, at) => result + (at - mean) ** 2 * counts[at], 0);
  const deviation = Math.sqrt(squares / Math.max(1, total - 1));
  let [lower, upper, below] = [0, met.length, 0];
  for (const [place, at] of met.entries()) {
    below += counts[at];
    if (below < Math.floor(total / 4)) lower = place + 1;
    if (upper === met.length && below > Math.floor((total * 3) / 4)) upper = place;
  }
  const quartiles = met[Math.min(met.length - 1, upper)] - met[lower];
  return 1.059 * Math.min(quartiles / 1.34, deviation) * total ** -0.2;
}

function positionsOf(counts: Float64Array): number[] {
  return [...counts.keys()].filter((index) => counts[index] > 0);
}

function sum(values: Float64Array): number {
  return values.reduce((result, value) => result + value, 0);
}
