import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../errors.ts';
import type { JsonObject } from './json.ts';
import type { HostPart, Metric, MetricPart } from './metrics/metric.ts';
import { MetricEpochs, namedValues } from './metrics/metricEpochs.ts';
import { metricPrefix, type Stage } from './stage.ts';

export interface LogOptions {
  /** Log the value of each step. Default: true for values in training, false for all else. */
  onStep?: boolean;
  /**
   * Log the mean over the epoch, weighted by batch size; of a metric object its own value over the
   * epoch. Default: where `onStep` is not.
   */
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
  readonly value: number | tf.Tensor | LoggedMetric;
  readonly options: Required<LogOptions>;
}

/** A metric object with what a step gave it. */
export interface LoggedMetric {
  readonly metric: Metric;
  readonly updates: readonly (readonly (MetricPart | HostPart)[])[];
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
  readonly #metrics: MetricEpochs;

  /** @param metrics the metric objects of the module by name */
  constructor(metrics: () => ReadonlyMap<string, Metric> = () => new Map()) {
    this.#metrics = new MetricEpochs(metrics);
  }

  /** Declares what the following `log` calls belong to. */
  enter(stage: Stage, loader = 'default'): void {
    this.#stage = stage;
    this.#loader = loader;
  }

  /** @throws UsageError ERR_LOG_VALUE when `value` is not a scalar, or a metric without update */
  log(name: string, value: number | tf.Tensor | Metric, options: LogOptions): void {
    if (isMetric(value)) {
      const updates = value.takeUpdates();
      if (updates.length === 0) throw notUpdated(name, value);
      this.logMetric(name, { metric: value, updates: updates.map(keptParts) }, options);
      return;
    }
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

  /** Takes over the tensors in `value`. */
  logMetric(name: string, value: LoggedMetric, options: LogOptions): void {
    const { onStep = false, progBar = false } = options;
    const onEpoch = options.onEpoch ?? !onStep;
    this.#pending.push({ name, value, options: { onStep, onEpoch, progBar } });
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
    if (pending.length === 0) return values;
    this.#pending = [];
    for (const { name, value, options } of pending) {
      if (isLoggedMetric(value)) {
        this.#settleMetric(name, value, options, step, values);
        continue;
      }
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
    for (const [key, { sum, weight }] of this.#epochs.get(stage) ?? []) values[key] = sum / weight;
    Object.assign(values, this.#metrics.compute(stage));
    for (const [key, value] of Object.entries(values)) {
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
    this.#metrics.reset(stage);
  }

  /** Sets a value directly, as callbacks and the trainer itself do. */
  set(key: string, value: number, step: number): void {
    this.latest.set(key, { value, step, stage: this.#stage });
  }

  /** Frees kept tensors of a step that failed. */
  discardPending(): void {
    if (this.#pending.length === 0) return;
    for (const { value } of this.#pending) disposeLogged(value);
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
      metrics: this.#metrics.stateDict(),
    };
  }

  loadStateDict(state: JsonObject): void {
    const { latest, progressBar, epochs, metrics } = state as unknown as {
      latest: (LatestMetric & { key: string })[];
      progressBar: string[];
      epochs: { stage: Stage; sums: (Accumulator & { key: string })[] }[];
      metrics?: JsonObject[];
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
    this.#metrics.loadStateDict(metrics ?? []);
  }

  #settleMetric(
    name: string,
    { metric, updates }: LoggedMetric,
    options: Required<LogOptions>,
    step: number,
    values: Record<string, number>,
  ): void {
    const read = updates.map((parts) => parts.map(readPart));
    const both = options.onStep && options.onEpoch;
    for (const key of this.#keys(name)) {
      if (options.progBar) this.progressBar.add(key);
      if (options.onEpoch)
        this.#metrics.add(this.#stage, both ? `${key}_epoch` : key, metric, read);
      if (!options.onStep) continue;
      const sums = metric.newSums();
      for (const parts of read) sums.add(parts);
      const result = namedValues(both ? `${key}_step` : key, sums);
      Object.assign(values, result);
      for (const [full, value] of Object.entries(result)) this.#remember(full, value, step);
    }
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

function isMetric(value: number | tf.Tensor | Metric): value is Metric {
  return typeof value === 'object' && 'takeUpdates' in value;
}

export function isLoggedMetric(value: LoggedValue['value']): value is LoggedMetric {
  return typeof value === 'object' && 'metric' in value;
}

function keptParts(parts: readonly MetricPart[]): MetricPart[] {
  return parts.map((part) => (typeof part === 'number' ? part : tf.keep(part.clone())));
}

function readPart(part: MetricPart | HostPart): HostPart {
  if (typeof part === 'number') return { data: [part] };
  if (!(part instanceof tf.Tensor)) return part;
  const tensor = part;
  const data = tensor.dataSync();
  tensor.dispose();
  return { data };
}

function disposeLogged(value: LoggedValue['value']): void {
  if (typeof value === 'number') return;
  if (!isLoggedMetric(value)) value.dispose();
  else for (const part of value.updates.flat()) if (part instanceof tf.Tensor) part.dispose();
}

function notUpdated(name: string, metric: Metric): UsageError {
  return new UsageError(
    'ERR_LOG_VALUE',
    `log("${name}"): the metric got no update in this step. Call update first: ` +
      `this.log("${name}", this.${metric.constructor.name.toLowerCase()}.update(preds, target)).`,
  );
}
