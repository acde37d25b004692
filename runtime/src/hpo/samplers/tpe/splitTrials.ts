import { violationOf } from '../../constraints.ts';
import { type FrozenTrial, lastStep } from '../../frozenTrial.ts';
import { hypervolumeSubset } from '../../hypervolume.ts';
import { losses as lossesOf, nonDominationRanks } from '../../pareto.ts';
import type { Direction } from '../../trialState.ts';

/** The better trials and the others, each by number. */
export interface Split {
  readonly below: readonly FrozenTrial[];
  readonly above: readonly FrozenTrial[];
}

/** How many of `finished` trials count as good: a tenth, with one objective at most 25. */
export function countBelow(finished: number, objectives: number): number {
  const tenth = Math.ceil(0.1 * finished);
  return objectives > 1 ? tenth : Math.min(tenth, 25);
}

/**
 * Takes the `count` best of COMPLETE, PRUNED and RUNNING trials: feasible complete ones by value,
 * then pruned ones by how far they came, then infeasible ones by violation. Running trials are
 * never good, which keeps later ones away from them.
 */
export function splitTrials(
  trials: readonly FrozenTrial[],
  directions: readonly Direction[],
  count: number,
): Split {
  const complete: FrozenTrial[] = [];
  const pruned: FrozenTrial[] = [];
  const infeasible: FrozenTrial[] = [];
  for (const trial of trials) {
    if (trial.state === 'RUNNING') continue;
    if (violationOf(trial) > 0) infeasible.push(trial);
    else (trial.state === 'COMPLETE' ? complete : pruned).push(trial);
  }
  const good = new Set(bestComplete(complete, directions, count));
  const take = (more: readonly FrozenTrial[]): void => {
    for (const trial of more) good.add(trial);
  };
  take(first(pruned, count - good.size, comparePruned(directions[0])));
  take(first(infeasible, count - good.size, (a, b) => violationOf(a) - violationOf(b)));
  const below: FrozenTrial[] = [];
  const above: FrozenTrial[] = [];
  for (const trial of trials) (good.has(trial) ? below : above).push(trial);
  return { below, above };
}

/** The `count` best of complete trials by value; with several objectives by Pareto front. */
export function bestComplete(
  trials: readonly FrozenTrial[],
  directions: readonly Direction[],
  count: number,
): readonly FrozenTrial[] {
  if (directions.length > 1) return bestByRank(trials, directions, count);
  if (count <= 0) return [];
  const sign = directions[0] === 'minimize' ? 1 : -1;
  // The losses side by side and the best of them in order: most trials meet one comparison only.
  const losses = new Float64Array(trials.length);
  for (let index = 0; index < losses.length; index++) {
    losses[index] = sign * (trials[index].values?.[0] ?? Infinity);
  }
  if (count > 64) {
    const order = [...losses.keys()].sort((a, b) => losses[a] - losses[b] || a - b);
    return order.slice(0, count).map((index) => trials[index]);
  }
  const best: number[] = [];
  for (let index = 0; index < losses.length; index++) {
    const full = best.length === count;
    if (full && losses[index] >= losses[best[count - 1]]) continue;
    let at = full ? count - 1 : best.length;
    for (; at > 0 && losses[index] < losses[best[at - 1]]; at--) best[at] = best[at - 1];
    best[at] = index;
  }
  return best.map((index) => trials[index]);
}

function bestByRank(
  trials: readonly FrozenTrial[],
  directions: readonly Direction[],
  count: number,
): readonly FrozenTrial[] {
  if (count <= 0) return [];
  if (count >= trials.length) return trials;
  const points = trials.map((trial) => lossesOf(trial.values ?? [], directions));
  const ranks = nonDominationRanks(points, count);
  const good: FrozenTrial[] = [];
  for (let rank = 0; good.length < count; rank++) {
    const level = [...trials.keys()].filter((index) => ranks[index] === rank);
    const left = count - good.length;
    const group = level.map((index) => points[index]);
    const chosen =
      level.length <= left
        ? level
        : hypervolumeSubset(group, left, referencePoint(group)).map((at) => level[at]);
    good.push(...chosen.map((index) => trials[index]));
  }
  return good;
}

/** A little beyond the worst value of each objective. */
export function referencePoint(points: readonly (readonly number[])[]): number[] {
  return points[0].map((_, axis) => {
    const worst = Math.max(...points.map((point) => point[axis]));
    const beyond = Math.max(1.1 * worst, 0.9 * worst);
    return beyond === 0 ? 1e-12 : beyond;
  });
}

/** Later last reports first, then better ones; NaN after them, trials without reports last. */
function comparePruned(direction: Direction) {
  const score = (trial: FrozenTrial): readonly [number, number] => {
    const step = lastStep(trial);
    if (step === undefined) return [1, 0];
    const value = trial.intermediateValues.get(step) ?? NaN;
    if (Number.isNaN(value)) return [-step, Infinity];
    return [-step, direction === 'maximize' ? -value : value];
  };
  return (a: FrozenTrial, b: FrozenTrial): number => {
    const [one, other] = [score(a), score(b)];
    if (one[0] !== other[0]) return one[0] - other[0];
    return one[1] < other[1] ? -1 : one[1] > other[1] ? 1 : 0;
  };
}

/** The `count` smallest, equal ones in their order: most items meet one comparison only. */
function first<T>(items: readonly T[], count: number, compare: (a: T, b: T) => number): T[] {
  if (count <= 0) return [];
  if (count > 64) return items.toSorted(compare).slice(0, count);
  const best: T[] = [];
  for (const item of items) {
    if (best.length === count && compare(item, best[count - 1]) >= 0) continue;
    let at = best.length === count ? count - 1 : best.length;
    for (; at > 0 && compare(item, best[at - 1]) < 0; at--) best[at] = best[at - 1];
    best[at] = item;
  }
  return best;
}
