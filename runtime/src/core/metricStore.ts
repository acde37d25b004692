import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../errors.ts';
import type { JsonObject } from './json.ts';
import { metricPrefix, type Stage } from './stage.ts';

export interface LogOptions {
  /** Log the value of each step. Default: true in training, false elsewhere. */
  onStep?: boolean;
  /** Log the mean over the epoch, weighted by batch size. Default: the other way round. */
  onEpoch?: boolean;
  /** Show it in the progress bar. Default: false. */
  progBar?: boolean;
}

/** Last known value of a metric and where it comes from, so that stale values can be told. */
export interface LatestMetric {
  readonly value: number;
  /** Updates done when it was measured. */
  readonly step: number;
  readonly stage: Stage;
}

/** One call of `log` whose value was not read yet. */
export interface LoggedValue {
  readonly name: string;
  readonly value: number | tf.Tensor;
  readonly options: Required<LogOptions>;
}

interface Accumulator {
  sum: number;
  weight: number;
}

/**
 * Collects what modules log. Tensors are kept until the step's graph has run (`settle`), so that
 * logging never forces a computation of its own.
 */
export class MetricStore {
  readonly latest = new Map<string, LatestMetric>();
  readonly progressBar = new Set<string>();
  #stage: Stage = 'train';
  #loader = 'default';
  #pending: LoggedValue[] = [];
  #epochs = new Map<Stage, Map<string, Accumulator>>();

  /** Declares what the following `log` calls belong to. */
  enter(stage: Stage, loader = 'default'): void {
    this.#stage = stage;
    this.#loader = loader;
  }

  /** @throws UsageError ERR_LOG_VALUE when `value` is not a finite-size scalar */
  log(name: string, value: number | tf.Tensor, options: LogOptions): void {
    if (typeof value !== 'number' && value.size !== 1) {
      throw new UsageError(
        'ERR_LOG_VALUE',
        `log("${name}"): expected a number or a tensor with one element, got shape ` +
          `[${value.shape.join(', ')}]. Reduce it first, for example with .mean().`,
      );
    }
    const training = this.#stage === 'train';
    this.#pending.push({
      name,
      value: typeof value === 'number' ? value : tf.keep(value.clone()),
      options: {
        onStep: options.onStep ?? (training && options.onEpoch !== true),
        onEpoch: options.onEpoch ?? !(training || options.onStep === true),
        progBar: options.progBar ?? false,
      },
    });
  }

  /** What was logged since the last `settle`, in order. */
  get logged(): readonly LoggedValue[] {
    return this.#pending;
  }

  /**
   * Reads the values logged since the last call and returns those of this step, by full name.
   * @param batchSize weight of this step in epoch means
   * @param step updates done, kept with each value
   */
  settle(batchSize: number, step: number): Record<string, number> {
    const values: Record<string, number> = {};
    const pending = this.#pending;
    this.#pending = [];
    for (const { name, value, options } of pending) {
      const number = typeof value === 'number' ? value : readScalar(value);
      const both = options.onStep && options.onEpoch;
      for (const key of this.#keys(name)) {
        if (options.progBar) this.progressBar.add(key);
        if (options.onEpoch) this.#accumulate(key, both, number, batchSize);
        if (!options.onStep) continue;
        values[both ? `${key}_step` : key] = number;
        this.#remember(key, number, step);
        if (both) this.#remember(`${key}_step`, number, step);
      }
    }
    return values;
  }

  /**
   * Epoch means of a stage so far, by full name; also makes them the latest values. The sums stay
   * until `resetEpoch`, so that an epoch that goes on after a resume keeps its mean.
   */
  finishEpoch(stage: Stage, step: number): Record<string, number> {
    const values: Record<string, number> = {};
    for (const [key, { sum, weight }] of this.#epochs.get(stage) ?? []) {
      const value = sum / weight;
      values[key] = value;
      this.latest.set(key, { value, step, stage });
      if (key.endsWith('_epoch')) {
        this.latest.set(key.slice(0, -'_epoch'.length), { value, step, stage });
      }
    }
    return values;
  }

  /** Forgets the sums of a stage: called when its next epoch starts. */
  resetEpoch(stage: Stage): void {
    this.#epochs.delete(stage);
  }

  /** Sets a value directly, as callbacks and the trainer itself do. */
  set(key: string, value: number, step: number): void {
    this.latest.set(key, { value, step, stage: this.#stage });
  }

  /** Frees kept tensors of a step that failed. */
  discardPending(): void {
    for (const { value } of this.#pending) if (typeof value !== 'number') value.dispose();
    this.#pending = [];
  }

  /** Accumulators of unfinished epochs and latest values: an epoch mean survives a resume. */
  stateDict(): JsonObject {
    return {
      latest: [...this.latest].map(([key, item]) => ({ key, ...item })),
      progressBar: [...this.progressBar],
      epochs: [...this.#epochs].map(([stage, sums]) => ({
        stage,
        sums: [...sums].map(([key, { sum, weight }]) => ({ key, sum, weight })),
      })),
    };
  }

  loadStateDict(state: JsonObject): void {
    const { latest, progressBar, epochs } = state as unknown as {
      latest: (LatestMetric & { key: string })[];
      progressBar: string[];
      epochs: { stage: Stage; sums: (Accumulator & { key: string })[] }[];
    };
    this.latest.clear();
    for (const { key, value, step, stage } of latest) this.latest.set(key, { value, step, stage });
    for (const key of progressBar) this.progressBar.add(key);
    this.#epochs = new Map(
      epochs.map(({ stage, sums }) => [
        stage,
        new Map(sums.map(({ key, sum, weight }) => [key, { sum, weight }])),
      ]),
    );
  }

  /** `val/loss`, and for a named loader also `val/<loader>/loss`; names with a slash stay as they are. */
  #keys(name: string): string[] {
    if (name.includes('/')) return [name];
    const prefix = metricPrefix[this.#stage];
    const common = `${prefix}/${name}`;
    return this.#loader === 'default' ? [common] : [common, `${prefix}/${this.#loader}/${name}`];
  }

  #accumulate(key: string, both: boolean, value: number, weight: number): void {
    const sums = this.#epochs.get(this.#stage) ?? new Map<string, Accumulator>();
    this.#epochs.set(this.#stage, sums);
    const name = both ? `${key}_epoch` : key;
    const accumulator = sums.get(name) ?? { sum: 0, weight: 0 };
    accumulator.sum += value * weight;
    accumulator.weight += weight;
    sums.set(name, accumulator);
  }

  #remember(key: string, value: number, step: number): void {
    this.latest.set(key, { value, step, stage: this.#stage });
  }
}

function readScalar(tensor: tf.Tensor): number {
  const value = tensor.dataSync()[0];
  tensor.dispose();
  return value;
}
