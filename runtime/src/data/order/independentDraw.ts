import type { Rng } from '../../random/rng.ts';
import { weightTotal } from './weights.ts';

/**
 * The sample that position `t` draws by itself: a dataset by weight, then any of its samples. There
 * is nothing to count, so it takes the same time everywhere, but samples repeat and are missed as
 * chance has it.
 * @param weights integers that sum to 65,536
 */
export function drawIndependently(
  datasets: readonly { readonly size: number }[],
  weights: readonly number[],
  key: Rng,
  t: number,
): { dataset: number; epoch: number; id: number } {
  const rng = key.fold('iid', t);
  let rest = rng.int(weightTotal);
  let dataset = 0;
  while (rest >= weights[dataset]) rest -= weights[dataset++];
  // Each draw is a visit of its own: its position keeps the random numbers of visits apart.
  return { dataset, epoch: t, id: Math.floor(rng.uniform() * datasets[dataset].size) };
}
