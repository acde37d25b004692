import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import { parseOptions } from '../parseOptions.ts';
import { Metric, NumberSums, type HostPart, type MetricSums } from './metric.ts';

/** A metric over pairs of predicted and true numbers. */
abstract class PairMetric extends Metric {
  /**
   * Adds a batch.
   * @param preds any shape
   * @param target as many values
   * @throws UsageError ERR_METRIC_SHAPE
   */
  update(preds: tf.Tensor, target: tf.Tensor): this {
    if (preds.size === target.size) return this.note([preds, target]);
    throw new UsageError(
      'ERR_METRIC_SHAPE',
      `${this.constructor.name}: got predictions [${preds.shape.join(', ')}] and targets ` +
        `[${target.shape.join(', ')}], expected as many of both.`,
    );
  }

  protected means(
    error: (difference: number) => number,
    result: (mean: number) => number,
  ): MetricSums {
    return new NumberSums(
      this.constructor.name,
      2,
      (sums, [preds, target]) => {
        for (let index = 0; index < preds.data.length; index++) {
          sums[0] += error(preds.data[index] - target.data[index]);
        }
        sums[1] += preds.data.length;
      },
      ([sum, count]) => result(sum / count),
    );
  }
}

const square = (value: number): number => value * value;
const same = (value: number): number => value;

/** Mean of the absolute differences. */
export class MeanAbsoluteError extends PairMetric {
  newSums(): MetricSums {
    return this.means(Math.abs, same);
  }
}

/** Mean of the squared differences. */
export class MeanSquaredError extends PairMetric {
  newSums(): MetricSums {
    return this.means(square, same);
  }
}

/** Root of the mean of the squared differences over the whole epoch. */
export class RootMeanSquaredError extends PairMetric {
  newSums(): MetricSums {
    return this.means(square, Math.sqrt);
  }
}

const r2Schema = z.strictObject({
  numOutputs: z
    .int()
    .positive()
    .default(1)
    .describe('Values of one sample; the result is the mean over them.'),
});

/**
 * Share of the targets' variance that the predictions explain, 1 at best: 1 - squared errors /
 * squared deviations from the mean. NaN for fewer than two samples.
 */
export class R2Score extends PairMetric {
  static readonly schema = r2Schema;
  readonly #outputs: number;

  constructor(options: z.input<typeof r2Schema> = {}) {
    super();
    this.#outputs = parseOptions(r2Schema, options, 'R2Score').numOutputs;
  }

  newSums(): MetricSums {
    const outputs = this.#outputs;
    return new NumberSums(
      'R2Score',
      4 * outputs,
      (sums, parts) => {
        addDeviations(sums, parts, outputs);
      },
      (sums) => {
        let total = 0;
        for (let at = 0; at < 4 * outputs; at += 4) {
          const [count, , deviations, residuals] = sums.subarray(at, at + 4);
          total += count < 2 ? Number.NaN : explained(residuals, deviations);
        }
        return total / outputs;
      },
    );
  }
}

/** Of each output: count, mean of the targets, squared deviations from it, squared errors. */
function addDeviations(
  sums: Float64Array,
  [preds, target]: readonly HostPart[],
  outputs: number,
): void {
  for (let index = 0; index < target.data.length; index++) {
    const at = 4 * (index % outputs);
    const value = target.data[index];
    sums[at]++;
    // Welford's way: sums of squares would lose all digits where the mean is large.
    const before = value - sums[at + 1];
    sums[at + 1] += before / sums[at];
    sums[at + 2] += before * (value - sums[at + 1]);
    sums[at + 3] += (preds.data[index] - value) ** 2;
  }
}

function explained(residuals: number, deviations: number): number {
  if (deviations === 0) return residuals === 0 ? 1 : 0;
  return 1 - residuals / deviations;
}
