import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { TrainModule } from '../../../../runtime/src/core/trainModule.ts';
import { DataModule } from '../../../../runtime/src/core/dataModule.ts';
import type { Loader } from '../../../../runtime/src/core/loader.ts';
import type { OptimizerConfig } from '../../../../runtime/src/core/optim/optimizerConfig.ts';
import { SGD } from '../../../../runtime/src/core/optim/index.ts';

interface Batch {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor2D;
}

const schema = z.strictObject({
  learningRate: z.number().positive().default(0.1).describe('Step size.'),
  log: z.string().default('loss').describe('Name of the logged loss.'),
});

/** y = w x + b, the smallest model that can be trained. */
export class Line extends TrainModule {
  static readonly schema = schema;
  readonly w = tf.variable(tf.zeros([1, 1]));
  readonly b = tf.variable(tf.zeros([1]));
  readonly options: z.output<typeof schema>;

  constructor(options: z.output<typeof schema>) {
    super(options);
    this.options = options;
  }

  override forward(x: unknown): tf.Tensor {
    return tf.add(tf.matMul(x as tf.Tensor2D, this.w), this.b);
  }

  override predictStep(batch: unknown): tf.Tensor {
    return this.forward((batch as Batch).x);
  }

  #loss(batch: unknown): tf.Scalar {
    const { x, y } = batch as Batch;
    return tf.mean(tf.squaredDifference(this.forward(x), y));
  }

  override trainingStep(batch: unknown): tf.Scalar {
    const loss = this.#loss(batch);
    this.log(this.options.log, loss);
    return loss;
  }

  override validationStep(batch: unknown): void {
    this.log('loss', this.#loss(batch));
  }

  override testStep(batch: unknown): void {
    this.log('loss', this.#loss(batch));
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new SGD({ lr: this.options.learningRate }) };
  }
}

const dataSchema = z.strictObject({
  batchSize: z.int().positive().default(4),
  count: z.int().positive().default(32),
  delayMs: z.int().nonnegative().default(0).describe('Pause before each batch.'),
});

/** Points on y = 2 x + 1. */
export class Points extends DataModule {
  static readonly schema = dataSchema;
  readonly options: z.output<typeof dataSchema>;

  constructor(options: z.output<typeof dataSchema>) {
    super(options);
    this.options = options;
  }

  override trainDataloader(): Loader {
    return pointLoader(this.options);
  }

  override valDataloader(): Loader {
    return pointLoader({ ...this.options, delayMs: 0 });
  }

  override testDataloader(): Loader {
    return pointLoader({ ...this.options, delayMs: 0 });
  }

  override predictDataloader(): Loader {
    return pointLoader({ ...this.options, delayMs: 0 });
  }
}

function pointLoader({ batchSize, count, delayMs }: z.output<typeof dataSchema>): Loader {
  const batches = Math.floor(count / batchSize);
  return {
    batchSize,
    batchesPerEpoch: batches,
    samplesPerEpoch: batches * batchSize,
    orderHash: `points ${String(count)}`,
    async *iterate(t) {
      const start = t % (batches * batchSize);
      for (let at = start; at < batches * batchSize; at += batchSize) {
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        const x = Float32Array.from({ length: batchSize }, (_, i) => ((at + i) % 7) / 7);
        const shape = [batchSize, 1];
        const dtype = 'float32' as const;
        const y = x.map((value) => 2 * value + 1);
        yield {
          data: { x: { data: x, shape, dtype }, y: { data: y, shape, dtype } },
          size: batchSize,
        };
      }
    },
  };
}
