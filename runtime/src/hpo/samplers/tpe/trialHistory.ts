import { type Distribution, type ParamValue, toInternal } from '../../distribution.ts';
import type { FrozenTrial } from '../../frozenTrial.ts';
import { knownParams } from '../../relativeParams.ts';
import { intersectionSpace, isSame } from '../intersectionSpace.ts';
import { sortedOrder } from './kernels.ts';

type Space = Readonly<Record<string, Distribution>>;

/** Stored numbers of some trials, one row a parameter, and the positions in each row by value. */
export interface ObservedRows {
  readonly values: readonly Float64Array[];
  readonly orders: readonly Uint32Array[];
}

/**
 * The finished trials' stored numbers, kept sorted from one suggestion to the next. Only a memory
 * of what the trials say: whenever they are not those seen before and more, it starts anew.
 */
export class TrialHistory {
  #known: (FrozenTrial | undefined)[] = [];
  #finished: FrozenTrial[] = [];
  #columns = new Map<string, Column>();
  #common: Record<string, Distribution> = {};
  #folded = 0;

  /** Takes up the COMPLETE and PRUNED ones of `trials`. */
  follow(trials: readonly FrozenTrial[]): void {
    if (!this.#append(trials)) {
      this.#known = [];
      this.#finished = [];
      this.#columns = new Map();
      this.#common = {};
      this.#folded = 0;
      this.#append(trials);
    }
  }

  /** The parameters that all of them had, described equally; by name. */
  intersection(): Record<string, Distribution> {
    if (this.#folded === this.#finished.length) return this.#common;
    const more = this.#finished.slice(this.#folded);
    const common = intersectionSpace(more);
    const names = Object.keys(common).filter(
      (name) => this.#folded === 0 || isSame(common[name], this.#common[name]),
    );
    this.#common = Object.fromEntries(names.map((name) => [name, common[name]]));
    this.#folded = this.#finished.length;
    return this.#common;
  }

  /**
   * What those of `group` (by number) say that have every parameter of `space`.
   * @param shared whether running trials have parameters that were decided but not yet suggested
   */
  rows(group: readonly FrozenTrial[], space: Space, shared: boolean): ObservedRows {
    const columns = Object.entries(space).map(([name, one]) => this.#column(name, one));
    const places = new Int32Array(this.#known.length).fill(-1);
    const whole = wholeRows(group, columns);
    if (whole !== undefined) {
      for (let index = 0; index < group.length; index++) places[group[index].number] = index;
      const orders = columns.map((column, axis) => column.order(places, [], whole[axis]));
      return { values: whole, orders };
    }
    const values = columns.map(() => new Float64Array(group.length));
    const loose: number[] = [];
    let count = 0;
    for (const trial of group) {
      const running = trial.state === 'RUNNING';
      const params = running && shared ? knownParams(trial) : trial.params;
      let complete = true;
      for (let axis = 0; axis < columns.length && complete; axis++) {
        const value = running ? columns[axis].stored(params) : columns[axis].values[trial.number];
        values[axis][count] = value;
        // Read back, for a place behind the end of a column gives undefined and is stored as NaN.
        complete = !Number.isNaN(values[axis][count]);
      }
      if (!complete) continue;
      if (running) loose.push(count);
      else places[trial.number] = count;
      count++;
    }
    const rows = values.map((row) => row.subarray(0, count));
    const orders = columns.map((column, axis) => column.order(places, loose, rows[axis]));
    return { values: rows, orders };
  }

  /** False when the trials are not those known and more. */
  #append(trials: readonly FrozenTrial[]): boolean {
    let met = 0;
    const before = this.#finished.length;
    for (const trial of trials) {
      if (trial.state !== 'COMPLETE' && trial.state !== 'PRUNED') continue;
      const known = this.#known[trial.number];
      if (known === trial) met++;
      else if (known === undefined) {
        this.#known[trial.number] = trial;
        this.#finished.push(trial);
      } else return false;
    }
    return met === before;
  }

  #column(name: string, distribution: Distribution): Column {
    const key =
      distribution.kind === 'categorical'
        ? `${name} ${JSON.stringify(distribution.choices)}`
        : `${name} ${distribution.kind}`;
    let column = this.#columns.get(key);
    if (column === undefined) {
      column = new Column(name, distribution);
      this.#columns.set(key, column);
    }
    column.follow(this.#finished);
    return column;
  }
}

/** Undefined when a trial is running or lacks a parameter, which is rare. */
function wholeRows(
  group: readonly FrozenTrial[],
  columns: readonly Column[],
): Float64Array[] | undefined {
  const numbers = new Uint32Array(group.length);
  for (let index = 0; index < group.length; index++) {
    if (group[index].state === 'RUNNING') return undefined;
    numbers[index] = group[index].number;
  }
  const rows: Float64Array[] = [];
  for (const { values } of columns) {
    const row = new Float64Array(group.length);
    for (let index = 0; index < row.length; index++) {
      if (numbers[index] >= values.length) return undefined;
      const value = values[numbers[index]];
      if (Number.isNaN(value)) return undefined;
      row[index] = value;
    }
    rows.push(row);
  }
  return rows;
}

/** One parameter of all finished trials, by number and by value. */
class Column {
  /** By trial number; NaN where the trial has no such parameter. */
  values = new Float64Array(64).fill(NaN);
  readonly #name: string;
  readonly #distribution: Distribution;
  #sorted = new Uint32Array(64);
  #count = 0;
  #seen = 0;

  constructor(name: string, distribution: Distribution) {
    this.#name = name;
    this.#distribution = distribution;
  }

  stored(params: Readonly<Record<string, ParamValue>>): number {
    const value = params[this.#name] as ParamValue | undefined;
    if (value === undefined) return NaN;
    if (typeof value === 'number' && this.#distribution.kind !== 'categorical') return value;
    return toInternal(this.#distribution, value);
  }

  /** Takes up the trials behind those already seen. */
  follow(finished: readonly FrozenTrial[]): void {
    const few = finished.length - this.#seen < 32;
    const first = this.#count;
    for (; this.#seen < finished.length; this.#seen++) {
      const { number, params } = finished[this.#seen];
      const value = this.stored(params);
      if (Number.isNaN(value)) continue;
      this.#reserve(number);
      this.values[number] = value;
      if (few) this.#insert(number, value);
      else this.#sorted[this.#count++] = number;
    }
    if (few || first === this.#count) return;
    const numbers = this.#sorted.slice(0, this.#count).sort();
    const order = sortedOrder(Float64Array.from(numbers, (number) => this.values[number]));
    for (let index = 0; index < order.length; index++) this.#sorted[index] = numbers[order[index]];
  }

  /** The positions of a row by value, equal ones by position: `places` are those of the trials. */
  order(places: Int32Array, loose: readonly number[], row: Float64Array): Uint32Array {
    const order = new Uint32Array(row.length);
    const byValue = (a: number, b: number): number => row[a] - row[b] || a - b;
    if (row.length * 16 < this.#count) {
      for (let index = 0; index < row.length; index++) order[index] = index;
      return order.sort(byValue);
    }
    const extra = loose.toSorted(byValue);
    let next = 0;
    let count = 0;
    for (let index = 0; index < this.#count; index++) {
      const place = places[this.#sorted[index]];
      if (place < 0) continue;
      while (next < extra.length && byValue(extra[next], place) < 0) order[count++] = extra[next++];
      order[count++] = place;
    }
    while (next < extra.length) order[count++] = extra[next++];
    return order;
  }

  #insert(number: number, value: number): void {
    let [from, to] = [0, this.#count];
    while (from < to) {
      const middle = (from + to) >> 1;
      const other = this.#sorted[middle];
      const before = this.values[other] - value || other - number;
      if (before < 0) from = middle + 1;
      else to = middle;
    }
    this.#sorted.copyWithin(from + 1, from, this.#count);
    this.#sorted[from] = number;
    this.#count++;
  }

  #reserve(number: number): void {
    if (number < this.values.length && this.#count + 1 < this.#sorted.length) return;
    const size = 2 * Math.max(this.values.length, number + 1);
    const values = new Float64Array(size).fill(NaN);
    values.set(this.values);
    const sorted = new Uint32Array(size);
    sorted.set(this.#sorted);
    this.values = values;
    this.#sorted = sorted;
  }
}
