import { violationOf } from '../../constraints.ts';
import type { FrozenTrial } from '../../frozenTrial.ts';
import { losses, nonDominationRanks } from '../../pareto.ts';
import type { Direction } from '../../trialState.ts';

/**
 * The `size` best of complete trials, front by front; of the front that does not fit whole, those
 * in the least crowded places. Trials that violate constraints come last, by their violation.
 */
export function selectElite(
  trials: readonly FrozenTrial[],
  directions: readonly Direction[],
  size: number,
): FrozenTrial[] {
  const elite: FrozenTrial[] = [];
  for (const front of frontsOf(trials, directions)) {
    if (elite.length + front.length < size) elite.push(...front);
    else return [...elite, ...leastCrowded(front).slice(0, size - elite.length)];
  }
  return elite;
}

/** True when the first is feasible and the other is not, violates less, or is better. */
export function dominates(
  one: FrozenTrial,
  other: FrozenTrial,
  directions: readonly Direction[],
): boolean {
  const [violation, otherViolation] = [violationOf(one), violationOf(other)];
  if (violation > 0 || otherViolation > 0) return violation < otherViolation;
  const a = losses(one.values ?? [], directions);
  const b = losses(other.values ?? [], directions);
  return a.every((loss, axis) => loss <= b[axis]) && a.some((loss, axis) => loss < b[axis]);
}

function frontsOf(trials: readonly FrozenTrial[], directions: readonly Direction[]) {
  const violations = trials.map(violationOf);
  const able = trials.filter((_, index) => violations[index] === 0);
  const unable = trials.filter((_, index) => violations[index] > 0);
  const points = able.map((trial) => losses(trial.values ?? [], directions));
  return [
    ...groups(able, nonDominationRanks(points)),
    ...groups(unable, nonDominationRanks(unable.map((trial) => [violationOf(trial)]))),
  ];
}

function groups(trials: readonly FrozenTrial[], ranks: readonly number[]): FrozenTrial[][] {
  const fronts: FrozenTrial[][] = [];
  for (const [index, trial] of trials.entries()) (fronts[ranks[index]] ??= []).push(trial);
  return fronts;
}

/**
 * By the sum, over the objectives, of the distances between each trial's two neighbours, as a
 * share of the width of all; the outermost trials have no second neighbour and come first.
 */
function leastCrowded(front: readonly FrozenTrial[]): FrozenTrial[] {
  const distances = new Map(front.map((trial) => [trial, 0]));
  let order = [...front];
  for (let axis = 0; axis < (front[0].values?.length ?? 0); axis++) {
    const valueOf = (trial: FrozenTrial): number => trial.values?.[axis] ?? NaN;
    order = order.toSorted((a, b) => compare(valueOf(a), valueOf(b)));
    const values = [-Infinity, ...order.map(valueOf), Infinity];
    if (values[1] === values[order.length]) continue;
    const [least, most] = [
      values.find((value) => value !== -Infinity) ?? 0,
      values.findLast((value) => value !== Infinity) ?? 0,
    ];
    const width = most > least ? most - least : 1;
    for (const [index, trial] of order.entries()) {
      const gap = values[index + 2] === values[index] ? 0 : values[index + 2] - values[index];
      distances.set(trial, (distances.get(trial) ?? 0) + gap / width);
    }
  }
  const distanceOf = (trial: FrozenTrial): number => distances.get(trial) ?? 0;
  return order.toSorted((a, b) => compare(distanceOf(a), distanceOf(b))).reverse();
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
