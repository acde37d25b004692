import { compareLexically } from './pareto.ts';

type Point = readonly number[];

/** The volume between `reference` and the points, all coordinates to be small. */
export function hypervolume(points: readonly Point[], reference: Point): number {
  if (points.length === 0) return 0;
  if (reference.length === 1) return reference[0] - Math.min(...points.map((point) => point[0]));
  const sorted = points.toSorted(compareLexically);
  // Each point adds what it covers and none of the later ones does.
  return sorted.reduce((sum, point, index) => {
    const limited = front(sorted.slice(index + 1).map((other) => limit(other, point)));
    return sum + box(point, reference) - hypervolume(limited, reference);
  }, 0);
}

/**
 * The positions of `count` points that together cover much of the hypervolume, taken greedily:
 * always the one that adds most (the first of equals in lexical order).
 */
export function hypervolumeSubset(
  points: readonly Point[],
  count: number,
  reference: Point,
): number[] {
  if (count >= points.length) return [...points.keys()];
  const order = [...points.keys()].sort((a, b) => compareLexically(points[a], points[b]) || a - b);
  const distinct = order.filter(
    (index, at) => at === 0 || compareLexically(points[order[at - 1]], points[index]) !== 0,
  );
  if (distinct.length < count) {
    const copies = [...points.keys()].filter((index) => !distinct.includes(index));
    return [...distinct, ...copies.slice(0, count - distinct.length)];
  }
  if (!reference.every(Number.isFinite)) return distinct.slice(0, count);
  return greedily(points, distinct, count, reference);
}

function greedily(
  points: readonly Point[],
  candidates: readonly number[],
  count: number,
  reference: Point,
): number[] {
  const chosen: number[] = [];
  // What a point adds only shrinks, so an old amount bounds the new one from above.
  const adds = new Map(candidates.map((index) => [index, box(points[index], reference)]));
  while (chosen.length < count) {
    let best = -1;
    let most = -Infinity;
    for (const [index, bound] of adds) {
      if (bound <= most) continue;
      const limited = front(chosen.map((other) => limit(points[other], points[index])));
      const added = box(points[index], reference) - hypervolume(limited, reference);
      adds.set(index, added);
      if (added > most) [best, most] = [index, added];
    }
    if (best < 0) best = adds.keys().next().value ?? -1;
    chosen.push(best);
    adds.delete(best);
  }
  return chosen;
}

function front(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  for (const point of points.toSorted(compareLexically)) {
    if (!kept.some((other) => other.every((value, axis) => value <= point[axis]))) kept.push(point);
  }
  return kept;
}

function limit(point: Point, by: Point): number[] {
  return point.map((value, axis) => Math.max(value, by[axis]));
}

function box(point: Point, reference: Point): number {
  return point.reduce((product, value, axis) => product * (reference[axis] - value), 1);
}
