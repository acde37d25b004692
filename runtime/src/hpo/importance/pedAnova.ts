import { type Distribution, isSingle } from '../distribution.ts';
import { distributionToJson } from '../distributionJson.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import { gridDensity } from './gridDensity.ts';

/** Parts of a space with fewer trials say nothing. */
const LEAST_TRIALS = 2;
/** Keeps quotients finite where a density underflows. */
const FLOOR = 1e-12;

/**
 * How much the parameter's values among the `top` trials differ from those in the whole `region`
 * that they come from (PED-ANOVA): the Pearson divergence of the two densities. Where a
 * parameter's range depends on others, every range counts by its share of the trials.
 * @param top part of `region`
 * @param local measured against the region's own density; otherwise against a uniform one
 */
export function pedAnova(
  name: string,
  top: readonly FrozenTrial[],
  region: readonly FrozenTrial[],
  local: boolean,
): number {
  const best = new Set(top);
  let importance = 0;
  for (const { distribution, trials } of rangesOf(name, region)) {
    const chosen = trials.filter((trial) => best.has(trial));
    if (chosen.length === 0 || trials.length < LEAST_TRIALS || isSingle(distribution)) continue;
    const share = (chosen.length / top.length) ** 2 / (trials.length / region.length);
    importance += share * divergence(name, distribution, chosen, trials, local);
  }
  return importance * (top.length / region.length) ** 2;
}

function divergence(
  name: string,
  distribution: Distribution,
  top: readonly FrozenTrial[],
  region: readonly FrozenTrial[],
  local: boolean,
): number {
  const density = (trials: readonly FrozenTrial[]): Float64Array =>
    gridDensity(
      distribution,
      trials.map((trial) => trial.params[name]),
    ).map((value) => value + FLOOR);
  const high = density(top);
  const all = local ? density(region) : high.map(() => 1 / high.length);
  return high.reduce((sum, value, at) => sum + all[at] * (value / all[at] - 1) ** 2, 0);
}

/** The trials that have the parameter, by what it was suggested from. */
function rangesOf(name: string, trials: readonly FrozenTrial[]) {
  const ranges = new Map<string, { distribution: Distribution; trials: FrozenTrial[] }>();
  for (const trial of trials) {
    if (!Object.hasOwn(trial.distributions, name)) continue;
    const distribution = trial.distributions[name];
    const key = distributionToJson(distribution);
    const range = ranges.get(key) ?? { distribution, trials: [] };
    ranges.set(key, range);
    range.trials.push(trial);
  }
  return [...ranges.values()];
}
