import { violationOf } from './constraints.ts';
import type { FrozenTrial } from './frozenTrial.ts';
import { type Direction, isBetter } from './trialState.ts';

/** The values turned so that smaller is better. */
export function losses(values: readonly number[], directions: readonly Direction[]): number[] {
  return values.map((value, index) => (directions[index] === 'maximize' ? -value : value));
}

/** The COMPLETE trial with the best value, the earliest of equals. */
export function bestOf(
  trials: readonly FrozenTrial[],
  direction: Direction,
): FrozenTrial | undefined {
  let best: FrozenTrial | undefined;
  for (const trial of trials) {
    if (trial.state !== 'COMPLETE' || trial.values === null) continue;
    const before = best?.values?.[0];
    if (before === undefined || isBetter(direction, trial.values[0], before)) best = trial;
  }
  return best;
}

/**
 * The complete, feasible trials that no other one beats: at least as good in every objective and
 * better in one. Equal trials are all on the front.
 */
export function paretoFront(
  trials: readonly FrozenTrial[],
  directions: readonly Direction[],
): FrozenTrial[] {
  const able = trials.filter(
    (trial) => trial.state === 'COMPLETE' && trial.values !== null && violationOf(trial) === 0,
  );
  const points = able.map((trial) => losses(trial.values ?? [], directions));
  const ranks = nonDominationRanks(points, 1);
  return able.filter((_, index) => ranks[index] === 0);
}

/**
 * 0 for the points that none dominates, 1 for those that only these dominate, and so on; equal
 * points share a rank. Once `enough` distinct points are ranked the rest get the next rank.
 */
export function nonDominationRanks(
  points: readonly (readonly number[])[],
  enough = points.length,
): number[] {
  const order = [...points.keys()].sort((a, b) => compareLexically(points[a], points[b]));
  // Distinct points in lexical order: none of them is dominated by a later one.
  const distinct: number[][] = [];
  for (const index of order) {
    const group = distinct.at(-1);
    if (group !== undefined && compareLexically(points[group[0]], points[index]) === 0) {
      group.push(index);
    } else distinct.push([index]);
  }
  const ranks = new Array<number>(points.length).fill(0);
  let rest = distinct;
  let rank = 0;
  const single = points.length > 0 && points[0].length === 1;
  const wanted = single ? distinct.length : Math.min(enough, distinct.length);
  for (; distinct.length - rest.length < wanted; rank++) {
    const { front, others } = splitFront(rest, points);
    for (const group of front) for (const index of group) ranks[index] = rank;
    rest = others;
  }
  for (const group of rest) for (const index of group) ranks[index] = rank;
  return ranks;
}

function splitFront(groups: readonly number[][], points: readonly (readonly number[])[]) {
  const front: number[][] = [];
  const others: number[][] = [];
  for (const group of groups) {
    const point = points[group[0]];
    const beaten = front.some((other) => weaklyDominates(points[other[0]], point));
    (beaten ? others : front).push(group);
  }
  return { front, others };
}

function weaklyDominates(a: readonly number[], b: readonly number[]): boolean {
  return a.every((value, index) => value <= b[index]);
}

/** By the first coordinate that differs. */
export function compareLexically(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < a.length; index++) {
    if (a[index] !== b[index]) return a[index] < b[index] ? -1 : 1;
  }
  return 0;
}
