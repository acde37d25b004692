import { didYouMean, UsageError } from '../errors.ts';
import { HyperbandPruner } from './pruners/hyperbandPruner.ts';
import { MedianPruner } from './pruners/medianPruner.ts';
import { NonePruner } from './pruners/nonePruner.ts';
import type { PercentilePrunerOptions } from './pruners/percentilePruner.ts';
import type { Pruner } from './pruners/pruner.ts';
import { SuccessiveHalvingPruner } from './pruners/successiveHalvingPruner.ts';
import { RandomSampler } from './samplers/randomSampler.ts';
import type { Sampler } from './samplers/sampler.ts';
import { TpeSampler } from './samplers/tpe/tpeSampler.ts';

const SAMPLERS: Readonly<Record<string, () => Sampler>> = {
  tpe: () => new TpeSampler(),
  'tpe-group': () => new TpeSampler({ group: true }),
  random: () => new RandomSampler(),
};

const PRUNERS: Readonly<Record<string, (options?: PercentilePrunerOptions) => Pruner>> = {
  median: (options) => new MedianPruner(options),
  successive_halving: () => new SuccessiveHalvingPruner(),
  hyperband: () => new HyperbandPruner(),
  none: () => new NonePruner(),
};

/** Known from Optuna, not offered yet; refused by name instead of as a misspelling. */
const LATER_SAMPLERS = ['grid', 'brute_force', 'qmc', 'cmaes', 'nsgaii', 'gp'];
const LATER_PRUNERS = ['percentile', 'threshold', 'patient', 'wilcoxon'];

/**
 * The sampler of that name.
 * @throws UsageError ERR_HPO_SAMPLER naming those there are
 */
export function createSampler(name: string): Sampler {
  return choose('sampler', name, SAMPLERS, LATER_SAMPLERS)();
}

/**
 * The pruner of that name.
 * @throws UsageError ERR_HPO_PRUNER naming those there are
 */
export function createPruner(name: string, options?: PercentilePrunerOptions): Pruner {
  return choose('pruner', name, PRUNERS, LATER_PRUNERS)(options);
}

function choose<T>(
  kind: 'sampler' | 'pruner',
  name: string,
  known: Readonly<Record<string, T>>,
  later: readonly string[],
): T {
  if (Object.hasOwn(known, name)) return known[name];
  const names = Object.keys(known);
  const problem = later.includes(name)
    ? `the ${kind} "${name}" is not available in this version.`
    : `unknown ${kind} "${name}".${didYouMean(name, [...names, ...later])}`;
  throw new UsageError(
    `ERR_HPO_${kind.toUpperCase()}`,
    `${problem} Available: ${names.join(', ')}`,
  );
}
