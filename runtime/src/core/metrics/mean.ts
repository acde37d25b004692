import type { MetricPart, MetricSums } from './metric.ts';
import { Metric, NumberSums } from './metric.ts';

/** Mean of values, weighted by numbers of your own: tokens, pixels. */
export class MeanMetric extends Metric {
  /**
   * @param value a number or a tensor, all of whose elements count
   * @param weight of each element: a number, or a tensor of the same size
   */
  update(value: MetricPart, weight: MetricPart = 1): this {
    return this.note([value, weight]);
  }

  newSums(): MetricSums {
    return new NumberSums(
      'MeanMetric',
      2,
      (sums, [values, weights]) => {
        for (let index = 0; index < values.data.length; index++) {
          const weight = weights.data[weights.data.length === 1 ? 0 : index];
          sums[0] += values.data[index] * weight;
          sums[1] += weight;
        }
      },
      ([sum, weight]) => sum / weight,
    );
  }
}
