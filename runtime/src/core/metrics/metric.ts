import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../errors.ts';
import type { Json } from '../json.ts';

/** What one update gives to a metric, on the way from the step to the sums. */
export type MetricPart = tf.Tensor | number;

/** A part as sums see it: row-major values. */
export interface HostPart {
  readonly data: ArrayLike<number>;
}

/** One value, or several by name: those of single classes, the cells of a matrix. */
export type MetricResult = number | Readonly<Record<string, number>>;

/** The sums of one metric over one epoch of one stage and loader. */
export interface MetricSums {
  add(parts: readonly HostPart[]): void;
  compute(): MetricResult;
  stateDict(): Json;
  /** @throws UsageError ERR_METRIC_STATE when the sums are those of another metric */
  loadStateDict(state: Json): void;
}

/**
 * A metric whose value over an epoch is not the mean of its values over batches: torchmetrics'
 * Metric. Hold it in a field of the module, and in a step call `update` and log it:
 *
 *     this.log('acc', this.accuracy.update(logits, labels));
 *
 * The object itself keeps no sums. The trainer keeps those, one set for each stage, loader and
 * name: it starts them anew with each epoch and saves those of an unfinished one in checkpoints.
 */
export abstract class Metric {
  #updates: (readonly MetricPart[])[] = [];

  /** Sums over nothing yet. */
  abstract newSums(): MetricSums;

  /** What was updated since it was logged last; the caller keeps the tensors. */
  takeUpdates(): readonly (readonly MetricPart[])[] {
    const updates = this.#updates;
    this.#updates = [];
    return updates;
  }

  /** Notes the parts of one update for the `log` that follows in the same step. */
  protected note(parts: readonly MetricPart[]): this {
    const left = this.#updates.some((earlier) =>
      earlier.some((part) => part instanceof tf.Tensor && part.isDisposed),
    );
    if (left) {
      this.#updates = [];
      throw new UsageError(
        'ERR_METRIC_UNLOGGED',
        `${this.constructor.name}: an earlier step called update() without logging it, so its values ` +
          'are lost. Log the metric in the same step: this.log("acc", this.accuracy.update(...)).',
      );
    }
    this.#updates.push(parts);
    return this;
  }
}

/** Sums that are a fixed number of float64 values. */
export class NumberSums implements MetricSums {
  readonly values: Float64Array;
  readonly #owner: string;
  readonly #add: (values: Float64Array, parts: readonly HostPart[]) => void;
  readonly #compute: (values: Float64Array) => MetricResult;

  constructor(
    owner: string,
    length: number,
    add: (values: Float64Array, parts: readonly HostPart[]) => void,
    compute: (values: Float64Array) => MetricResult,
  ) {
    this.values = new Float64Array(length);
    this.#owner = owner;
    this.#add = add;
    this.#compute = compute;
  }

  add(parts: readonly HostPart[]): void {
    this.#add(this.values, parts);
  }

  compute(): MetricResult {
    return this.#compute(this.values);
  }

  stateDict(): Json {
    return [...this.values];
  }

  loadStateDict(state: Json): void {
    if (!Array.isArray(state) || state.length !== this.values.length) {
      throw sumsMismatch(this.#owner, `${String(this.values.length)} sums`);
    }
    this.values.set(state.map(Number));
  }
}

/** The error for sums that were saved by a metric with other options. */
export function sumsMismatch(owner: string, expected: string): UsageError {
  return new UsageError(
    'ERR_METRIC_STATE',
    `${owner}: the checkpoint was saved inside an epoch by a metric with other options (expected ` +
      `${expected}). Resume with the options of that run, or from the end of an epoch.`,
  );
}
