import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { TrainModule } from '../../../../runtime/src/core/trainModule.ts';
import type { OptimizerConfig } from '../../../../runtime/src/core/optim/optimizerConfig.ts';

const blockSchema = z.strictObject({
  hiddenDim: z.int().positive().describe('Width.'),
  dropout: z.number().min(0).max(1).default(0.1),
});

/** A part that a model gets by class path. */
export class Block {
  static readonly schema = blockSchema;
  readonly options: z.output<typeof blockSchema>;

  constructor(options: z.output<typeof blockSchema>) {
    this.options = options;
  }
}

const schema = z.strictObject({
  hiddenDim: z.int().positive().default(16).describe('Width of the hidden layer.'),
  learningRate: z.number().positive().default(1e-3),
  name: z.string().default('net'),
  activation: z.enum(['relu', 'tanh']).default('relu'),
  encoder: z.instanceof(Block).optional(),
  decoder: z.custom<Block>((value) => value instanceof Block).optional(),
  schedule: z
    .strictObject({ warmUp: z.string().default('10 updates'), gamma: z.number().default(0.5) })
    .prefault({}),
  classNames: z.record(z.string(), z.int()).default({}),
  layers: z.array(z.strictObject({ outputDim: z.int() })).default([]),
});

export class Net extends TrainModule {
  static readonly schema = schema;
  readonly options: z.output<typeof schema>;
  readonly kernel: tf.Variable;

  constructor(options: z.output<typeof schema>) {
    super(options);
    this.options = options;
    this.kernel = tf.variable(tf.randomNormal([2, 1]));
  }

  override trainingStep(): tf.Scalar {
    return tf.scalar(0);
  }

  override configureOptimizers(): OptimizerConfig {
    throw new Error('not trained here');
  }
}

/** Takes its options as they come: has no schema. */
export class Loose {
  readonly options: Record<string, unknown>;

  constructor(options: Record<string, unknown>) {
    this.options = options;
  }
}

export const notAClass = 3;
