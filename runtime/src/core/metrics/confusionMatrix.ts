import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { parseOptions } from '../parseOptions.ts';
import { classAt, classCount, decision, labelOptions, labelParts } from './labels.ts';
import { Metric, NumberSums, type MetricSums } from './metric.ts';

const schema = z.strictObject({
  ...labelOptions,
  task: z.enum(['binary', 'multiclass']).describe('binary: yes or no. multiclass: one of several.'),
  normalize: z
    .enum(['true', 'pred', 'all'])
    .nullable()
    .default(null)
    .describe('Shares instead of counts: of each true class, each predicted class, or of all.'),
});

/**
 * How often each class was taken for each other. Logged as `<name>/<true>_<predicted>`, such as
 * `val/confusion/3_5` for threes that were taken for fives.
 */
export class ConfusionMatrix extends Metric {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  readonly #classes: number;

  constructor(options: z.input<typeof schema>) {
    super();
    this.#options = parseOptions(schema, options, 'ConfusionMatrix');
    this.#classes = Math.max(2, classCount('ConfusionMatrix', this.#options));
  }

  /** @see Accuracy.update */
  update(preds: tf.Tensor, target: tf.Tensor): this {
    return this.note(labelParts('ConfusionMatrix', this.#options, preds, target));
  }

  newSums(): MetricSums {
    const classes = this.#classes;
    const { task, ignoreIndex } = this.#options;
    const yes = decision('ConfusionMatrix', this.#options);
    return new NumberSums(
      'ConfusionMatrix',
      classes * classes,
      (sums, [preds, target]) => {
        for (let index = 0; index < target.data.length; index++) {
          if (target.data[index] === ignoreIndex) continue;
          const wanted = classAt('ConfusionMatrix', target, index, classes);
          const predicted =
            task === 'binary'
              ? Number(yes(preds.data[index]))
              : classAt('ConfusionMatrix', preds, index, classes);
          sums[wanted * classes + predicted]++;
        }
      },
      (sums) => this.#cells(sums),
    );
  }

  #cells(sums: Float64Array): Record<string, number> {
    const classes = this.#classes;
    const { normalize } = this.#options;
    const whole = (row: number, column: number): number => {
      if (normalize === null) return 1;
      let total = 0;
      for (let cell = 0; cell < sums.length; cell++) {
        const inRow = Math.floor(cell / classes) === row;
        const inColumn = cell % classes === column;
        if (normalize === 'all' || (normalize === 'true' ? inRow : inColumn)) total += sums[cell];
      }
      return total;
    };
    const cells: Record<string, number> = {};
    for (let row = 0; row < classes; row++) {
      for (let column = 0; column < classes; column++) {
        const total = whole(row, column);
        cells[`${String(row)}_${String(column)}`] =
          total === 0 ? 0 : sums[row * classes + column] / total;
      }
    }
    return cells;
  }
}
