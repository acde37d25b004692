import * as tf from '@tensorflow/tfjs-core';
import { AdamW, type OptimizerConfig } from '../core/optim/index.ts';
import { TrainModule } from '../core/trainModule.ts';
import { Rng } from '../random/index.ts';

/** Options of `TinyModule`. */
export interface TinyOptions {
  readonly inputs?: number;
  readonly hidden?: number;
  /** Share of hidden units dropped in training; default 0. */
  readonly dropout?: number;
  readonly lr?: number;
  /** Seed of the initial weights; default 1. */
  readonly seed?: number;
}

/** A batch as `TinyModule` takes it: `x [n, inputs]`, `y [n, 1]`. */
export interface TinyBatch {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor2D;
}

/** The smallest module that trains: regression by one hidden layer. For tests of your own parts. */
export class TinyModule extends TrainModule {
  readonly weight: tf.Variable;
  readonly bias: tf.Variable;
  readonly head: tf.Variable;
  readonly #inputs: number;
  readonly #dropout: number;
  readonly #lr: number;

  constructor(options: TinyOptions = {}) {
    super(options);
    const { inputs = 3, hidden = 4, dropout = 0, lr = 0.05, seed = 1 } = options;
    const rng = Rng.fromSeed(seed);
    this.#inputs = inputs;
    this.#dropout = dropout;
    this.#lr = lr;
    this.weight = normal([inputs, hidden], rng.fold('weight'));
    this.bias = tf.tidy(() => tf.variable(tf.zeros([hidden])));
    this.head = normal([hidden, 1], rng.fold('head'));
  }

  override forward(input: unknown): tf.Tensor2D {
    const x = (input as Partial<TinyBatch>).x ?? (input as tf.Tensor2D);
    const hidden = tf.tanh(tf.add(tf.matMul(x, this.weight as tf.Tensor2D), this.bias));
    const kept = this.training && this.#dropout > 0 ? tf.dropout(hidden, this.#dropout) : hidden;
    return tf.matMul(kept, this.head);
  }

  override trainingStep(batch: unknown): tf.Scalar {
    const loss = this.#loss(batch as TinyBatch);
    this.log('loss', loss, { onStep: true, onEpoch: true, progBar: true });
    return loss;
  }

  override validationStep(batch: unknown): void {
    this.log('loss', this.#loss(batch as TinyBatch));
  }

  override testStep(batch: unknown): void {
    this.log('loss', this.#loss(batch as TinyBatch));
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new AdamW({ lr: this.#lr }) };
  }

  override exampleInput(): tf.Tensor {
    return tf.zeros([1, this.#inputs]);
  }

  /** Gives the weights' memory back. */
  dispose(): void {
    for (const { variable } of this.parameters()) variable.dispose();
  }

  #loss({ x, y }: TinyBatch): tf.Scalar {
    return tf.mean(tf.square(tf.sub(this.forward(x), y)));
  }
}

function normal(shape: number[], rng: Rng): tf.Variable {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size }, () => rng.normal() * 0.5);
  return tf.tidy(() => tf.variable(tf.tensor(values, shape)));
}
