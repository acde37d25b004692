import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import { parseOptions } from '../parseOptions.ts';
import { Metric, NumberSums, type MetricSums } from './metric.ts';

const schema = z.strictObject({
  ignoreIndex: z.int().nullable().default(null).describe('Token that is left out: padding.'),
});

/** e to the mean negative log-likelihood of the true tokens. */
export class Perplexity extends Metric {
  static readonly schema = schema;
  readonly #ignore: number | null;

  constructor(options: z.input<typeof schema> = {}) {
    super();
    this.#ignore = parseOptions(schema, options, 'Perplexity').ignoreIndex;
  }

  /**
   * @param logits `[..., vocabulary]`
   * @param target token ids `[...]`, int32
   * @throws UsageError ERR_METRIC_SHAPE
   */
  update(logits: tf.Tensor, target: tf.Tensor): this {
    const vocabulary = logits.shape.at(-1) ?? 0;
    if (target.size * vocabulary !== logits.size) {
      throw new UsageError(
        'ERR_METRIC_SHAPE',
        `Perplexity: got logits [${logits.shape.join(', ')}] and targets ` +
          `[${target.shape.join(', ')}], expected one token for each row of logits.`,
      );
    }
    const flat = tf.reshape(logits, [-1, vocabulary]);
    const tokens = tf.cast(tf.reshape(target, [-1]), 'int32');
    const chosen = tf.sum(tf.mul(flat, tf.oneHot(tokens, vocabulary)), -1);
    return this.note([tf.sub(tf.logSumExp(flat, -1), chosen), tokens]);
  }

  newSums(): MetricSums {
    return new NumberSums(
      'Perplexity',
      2,
      (sums, [losses, tokens]) => {
        for (let index = 0; index < losses.data.length; index++) {
          if (tokens.data[index] === this.#ignore) continue;
          sums[0] += losses.data[index];
          sums[1]++;
        }
      },
      ([sum, count]) => Math.exp(sum / count),
    );
  }
}
