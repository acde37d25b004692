import type { Rng } from '../../../random/rng.ts';
import type { Distribution, ParamValue } from '../../distribution.ts';
import { fromUnit, toUnit } from '../unitInterval.ts';

type Params = Readonly<Record<string, ParamValue>>;
type Space = Readonly<Record<string, Distribution>>;

/** How two parents' parameters become a child's. */
export interface CrossoverOptions {
  readonly crossover: 'uniform' | 'sbx';
  /** Probability of the second parent's value. */
  readonly swappingProb: number;
  /** How close children are to their parents. */
  readonly eta: number;
}

/** A child of two parents that both have every parameter of the space. */
export function cross(
  space: Space,
  parents: readonly [Params, Params],
  options: CrossoverOptions,
  rng: Rng,
): Record<string, ParamValue> {
  // One of the two children that simulated binary crossover makes.
  const lower = rng.uniform() < 0.5;
  return Object.fromEntries(
    Object.entries(space).map(([name, distribution]) => {
      const pair = [parents[0][name], parents[1][name]] as const;
      const draws = [rng.uniform(), rng.uniform(), rng.uniform()] as const;
      if (options.crossover === 'uniform' || distribution.kind === 'categorical') {
        return [name, pair[draws[0] < options.swappingProb ? 1 : 0]];
      }
      // Half of the genes stay a parent's, and half are exchanged between the two children.
      const first = draws[1] < 0.5 ? lower : !lower;
      if (draws[0] >= 0.5) return [name, pair[first ? 0 : 1]];
      const [a, b] = pair.map((value) => toUnit(distribution, Number(value)));
      return [name, fromUnit(distribution, simulatedBinary(a, b, draws[2], first, options.eta))];
    }),
  );
}

/**
 * A number of [0, 1] near one of two others, as one-point crossover of binary numbers would give:
 * Deb and Agrawal, "Simulated binary crossover for continuous search space" (1995), bounded.
 * @param u uniform in [0, 1)
 * @param lower whether near the smaller one
 */
export function simulatedBinary(
  a: number,
  b: number,
  u: number,
  lower: boolean,
  eta: number,
): number {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  const width = Math.max(high - low, 1e-10);
  const room = 1 + (2 * (lower ? low : 1 - high)) / width;
  const alpha = 2 - room ** -(eta + 1);
  const spread = (u > 1 / alpha ? 1 / (2 - u * alpha) : u * alpha) ** (1 / (eta + 1));
  const child = 0.5 * (low + high + (lower ? -1 : 1) * spread * width);
  return Math.min(Math.max(child, 0), 1);
}
