import { UsageError } from '../../errors.ts';
import { describeDistribution, type Distribution, type ParamValue } from '../distribution.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import { checkOptions } from '../optionChecks.ts';
import type { Plain } from '../plain.ts';
import { relativeParamsAttrs, relativeParamsOf } from '../relativeParams.ts';
import { isFinished } from '../trialState.ts';
import type { Sampler, SamplerContext } from './sampler.ts';

/** Options of {@link GridSampler}. */
export interface GridSamplerOptions {
  /** The values of each parameter by its name; every combination of them is a point. */
  readonly searchSpace: Readonly<Record<string, readonly ParamValue[]>>;
}

type Params = Readonly<Record<string, ParamValue>>;

const LARGEST = 1e7;

const CHECKS = {
  searchSpace: {
    expected: 'a list of values for each parameter, as in { depth: [1, 2, 4] }',
    accepts: isGrid,
  },
};

/**
 * Tries every combination of the given values, in an order that the seed decides. A point is done
 * when a finished trial had its values, whoever ran it; then the search is exhausted.
 */
export class GridSampler implements Sampler {
  readonly name = 'grid';
  readonly #names: readonly string[];
  readonly #values: readonly (readonly ParamValue[])[];
  /** How many points there are. */
  readonly size: number;

  /** @throws UsageError ERR_HPO_SAMPLER for anything but lists of values */
  constructor(options: GridSamplerOptions) {
    checkOptions<GridSamplerOptions>('sampler', 'grid', options, CHECKS, ['searchSpace']);
    this.#names = Object.keys(options.searchSpace).sort();
    this.#values = this.#names.map((name) => [...new Set(options.searchSpace[name])]);
    this.size = this.#values.reduce((product, { length }) => product * length, 1);
    if (this.size > LARGEST) {
      const message = `sampler "grid": ${this.size} points are too many. Give fewer values, or use "qmc"`;
      throw new UsageError('ERR_HPO_SAMPLER', message);
    }
  }

  inferRelativeSearchSpace(): Record<string, Distribution> {
    return {};
  }

  sampleRelative({ trials, rng }: SamplerContext): Record<string, ParamValue> {
    const [finished, begun] = [this.#tried(trials, false), this.#tried(trials, true)];
    // Points that other trials are at come again only when nothing else is left: those trials
    // may have been lost. When all is done, any will do.
    const tried = [begun, finished, new Set<number>()].find(({ size }) => size < this.size);
    let left = rng.fold('grid').int(this.size - (tried?.size ?? 0));
    for (let point = 0; point < this.size; point++) {
      if (tried?.has(point) !== true && left-- === 0) return this.#point(point);
    }
    return {};
  }

  sampleIndependent(_: SamplerContext, name: string, distribution: Distribution): ParamValue {
    const at = this.#names.indexOf(name);
    const fault =
      at < 0
        ? `"${name}" is not in the searchSpace, which has ${this.#names.join(', ')}. Add it there`
        : `a value of "${name}" in the searchSpace is not in ${describeDistribution(distribution)}: ` +
          `${JSON.stringify(this.#values[at])}. Leave it out, or suggest from a range that has it`;
    throw new UsageError('ERR_HPO_SAMPLER', `sampler "grid": ${fault}`);
  }

  relativeAttrs(params: Params): Record<string, Plain> {
    return relativeParamsAttrs(params);
  }

  isExhausted({ trials }: Pick<SamplerContext, 'trials'>, running: boolean): boolean {
    return this.#tried(trials, running).size === this.size;
  }

  #tried(trials: readonly FrozenTrial[], running: boolean): Set<number> {
    const points = new Set<number>();
    for (const trial of trials) {
      if (!isFinished(trial.state) && !(running && trial.state === 'RUNNING')) continue;
      const place = this.#placeOf({ ...relativeParamsOf(trial), ...trial.params });
      if (place !== undefined) points.add(place);
    }
    return points;
  }

  /** The number of a point: its values' places are the digits. */
  #placeOf(params: Params): number | undefined {
    let place = 0;
    for (const [axis, name] of this.#names.entries()) {
      const values = this.#values[axis];
      const digit = Object.hasOwn(params, name) ? values.indexOf(params[name]) : -1;
      if (digit < 0) return undefined;
      place = place * values.length + digit;
    }
    return place;
  }

  #point(place: number): Record<string, ParamValue> {
    const point: Record<string, ParamValue> = {};
    let rest = place;
    for (let axis = this.#names.length - 1; axis >= 0; axis--) {
      const values = this.#values[axis];
      point[this.#names[axis]] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
    }
    return point;
  }
}

function isGrid(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const lists: unknown[] = Object.values(value);
  return lists.length > 0 && lists.every((list) => Array.isArray(list) && isListOfValues(list));
}

function isListOfValues(list: readonly unknown[]): boolean {
  const isValue = (item: unknown): boolean =>
    item === null || ['string', 'boolean'].includes(typeof item) || Number.isFinite(item);
  return list.length > 0 && list.every(isValue);
}
