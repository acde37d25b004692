import { UsageError } from '../../../errors.ts';
import { stepsBetween } from '../../decimal.ts';
import {
  containsInternal,
  describeDistribution,
  type Distribution,
  type ParamValue,
} from '../../distribution.ts';
import type { FrozenTrial } from '../../frozenTrial.ts';
import { isSame } from '../intersectionSpace.ts';

interface Node {
  /** What is known of a node below which no parameter follows. */
  state: 'open' | 'done' | 'running';
  /** The parameter that was suggested next; undefined while that is not known. */
  next?: Branch;
}

interface Branch {
  readonly name: string;
  readonly distribution: Distribution;
  /** How many values there are. */
  readonly count: number;
  /** By the place of the value, only where trials went. */
  readonly children: Map<number, Node>;
}

/**
 * Everything that trials were suggested, as a tree: a node for each sequence of values, below it
 * the values of the parameter that was suggested next. What comes below a node that no trial went
 * through is not known.
 */
export class SuggestionTree {
  readonly #root: Node = { state: 'open' };

  /**
   * @param attempts what running trials have been and are going to be suggested
   */
  constructor(
    finished: readonly FrozenTrial[],
    attempts: readonly Readonly<Record<string, ParamValue>>[],
  ) {
    const ends = finished.map((trial) => this.#add(trial));
    // Afterwards: where a trial failed early others may have gone on.
    for (const end of ends) if (end !== undefined && end.next === undefined) end.state = 'done';
    for (const params of attempts) {
      const end = descend(this.#root, params);
      if (end.next === undefined && end.state === 'open') end.state = 'running';
    }
  }

  /** True when something was not tried yet. */
  hasOpen(running: boolean): boolean {
    return countOpen(this.#root, running) > 0;
  }

  /**
   * Values that lead on from `params` to what was not tried, as far as the tree knows: at each
   * node half by how much is open below each value, half equally among the values.
   * @param draw uniform numbers of [0, 1), by parameter
   */
  path(
    params: Readonly<Record<string, ParamValue>>,
    running: boolean,
    draw: (name: string) => number,
  ): Record<string, ParamValue> {
    const path: Record<string, ParamValue> = {};
    let node: Node | undefined = descend(this.#root, params);
    while (node?.next !== undefined) {
      const { name, distribution, children }: Branch = node.next;
      const place = pick(node.next, running, draw(name));
      if (place === undefined) break;
      path[name] = valueAt(distribution, place);
      node = children.get(place);
    }
    return path;
  }

  /** The node where the trial ended, or undefined when its path does not fit the others'. */
  #add({ params, distributions }: FrozenTrial): Node | undefined {
    let node = this.#root;
    for (const [name, distribution] of Object.entries(distributions)) {
      node.next ??= { name, distribution, count: countOf(name, distribution), children: new Map() };
      const { next } = node;
      if (next.name !== name || !isSame(next.distribution, distribution)) return undefined;
      const place = placeOf(distribution, params[name]);
      if (place === undefined) return undefined;
      const child = next.children.get(place) ?? { state: 'open' };
      next.children.set(place, child);
      node = child;
    }
    return node;
  }
}

/**
 * How many values a distribution has.
 * @throws UsageError ERR_HPO_SAMPLER when they cannot be counted
 */
export function countOf(name: string, distribution: Distribution): number {
  if (distribution.kind === 'categorical') return distribution.choices.length;
  const { low, high, step } = distribution;
  if (low === high) return 1;
  if (step !== null) return Number(stepsBetween(low, high, step)) + 1;
  const text = describeDistribution(distribution);
  throw new UsageError(
    'ERR_HPO_SAMPLER',
    `sampler "brute_force": "${name}" (${text}) has no end of values. Give it a step, or use "qmc"`,
  );
}

/** The value at a place from 0 on. */
export function valueAt(distribution: Distribution, place: number): ParamValue {
  if (distribution.kind === 'categorical') return distribution.choices[place];
  const { low, high, step } = distribution;
  return Math.min(low + place * (step ?? 0), high);
}

function placeOf(distribution: Distribution, value: ParamValue): number | undefined {
  if (distribution.kind === 'categorical') {
    const place = distribution.choices.findIndex((choice) => Object.is(choice, value));
    return place < 0 ? undefined : place;
  }
  const { low, step } = distribution;
  if (typeof value !== 'number' || !containsInternal(distribution, value)) return undefined;
  return step === null ? 0 : Math.round((value - low) / step);
}

/** As far as the values are known; a node of its own where no trial went. */
function descend(root: Node, params: Readonly<Record<string, ParamValue>>): Node {
  let node = root;
  while (node.next !== undefined && Object.hasOwn(params, node.next.name)) {
    const { name, distribution, children } = node.next;
    const place = placeOf(distribution, params[name]);
    if (place === undefined) return { state: 'done' };
    const child = children.get(place) ?? { state: 'open' };
    children.set(place, child);
    node = child;
  }
  return node;
}

function countOpen({ state, next }: Node, running: boolean): number {
  if (next === undefined) return state === 'open' || (state === 'running' && running) ? 1 : 0;
  let sum = next.count - next.children.size;
  for (const child of next.children.values()) sum += countOpen(child, running);
  return sum;
}

/** The place of a value below which something is open; undefined when nothing is. */
function pick({ count, children }: Branch, running: boolean, u: number): number | undefined {
  const visited = [...children].map(([place, child]) => ({
    place,
    open: countOpen(child, running),
  }));
  const fresh = count - visited.length;
  const total = visited.reduce((sum, { open }) => sum + open, fresh);
  const ways = visited.filter(({ open }) => open > 0).length + fresh;
  if (total === 0) return undefined;
  let left = u;
  let last: number | undefined;
  for (const { place, open } of visited) {
    if (open === 0) continue;
    last = place;
    left -= 0.5 * (open / total + 1 / ways);
    if (left < 0) return place;
  }
  if (fresh === 0) return last;
  const share = 0.5 * (1 / total + 1 / ways);
  return freshPlace(children, Math.min(Math.floor(left / share), fresh - 1));
}

/** The place of the nth value that no trial had. */
function freshPlace(children: ReadonlyMap<number, unknown>, nth: number): number {
  let place = nth;
  for (const taken of [...children.keys()].sort((a, b) => a - b)) if (taken <= place) place++;
  return place;
}
