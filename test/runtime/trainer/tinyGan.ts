import * as tf from '@tensorflow/tfjs-core';
import {
  Adam,
  type OptimizerConfig,
  type OptimizerRound,
} from '../../../runtime/src/core/optim/index.ts';
import { Cosine } from '../../../runtime/src/core/schedulers/index.ts';
import { TrainModule } from '../../../runtime/src/core/trainModule.ts';
import { Rng } from '../../../runtime/src/random/index.ts';
import type { TinyBatch } from '../../../runtime/src/testing/index.ts';

export interface TinyGanOptions {
  /** The generator has its turn in every n-th update; default 1. */
  readonly every?: number;
  /** Noise by tf.randomNormal instead of the batch's own `y`. */
  readonly noise?: boolean;
}

/** The smallest GAN: three numbers made from one, judged by one hidden layer. */
export class TinyGan extends TrainModule {
  readonly generator: Readonly<Record<'kernel' | 'bias', tf.Variable>>;
  readonly critic: Readonly<Record<'kernel' | 'bias' | 'head', tf.Variable>>;
  readonly every: number;
  readonly noise: boolean;

  constructor({ every = 1, noise = false }: TinyGanOptions = {}) {
    super({ every, noise });
    const rng = Rng.fromSeed(3);
    this.every = every;
    this.noise = noise;
    this.generator = {
      kernel: normal([1, 3], rng.fold('g')),
      bias: tf.tidy(() => tf.variable(tf.fill([3], 2))),
    };
    this.critic = {
      kernel: normal([3, 8], rng.fold('c')),
      bias: tf.tidy(() => tf.variable(tf.zeros([8]))),
      head: normal([8, 1], rng.fold('h')),
    };
  }

  override trainingStep(batch: unknown, _index: number, round: string): tf.Scalar {
    const loss =
      round === 'critic'
        ? this.criticLoss(batch as TinyBatch)
        : this.generatorLoss(batch as TinyBatch);
    this.log(`loss_${round}`, loss, { onStep: true, onEpoch: true });
    return loss;
  }

  override configureOptimizers(): OptimizerConfig {
    const rounds: OptimizerRound[] = [
      {
        name: 'critic',
        parameters: ['critic.*'],
        optimizer: new Adam({ lr: 0.02, betas: [0.5, 0.9] }),
        clip: { norm: 0.5 },
      },
      {
        name: 'generator',
        parameters: ['generator.*'],
        optimizer: new Adam({ lr: 0.02, betas: [0.5, 0.9] }),
        scheduler: new Cosine(),
        every: this.every,
      },
    ];
    return rounds;
  }

  criticLoss(batch: TinyBatch): tf.Scalar {
    const real = tf.mean(tf.softplus(tf.neg(this.judge(batch.x))));
    const fake = tf.mean(tf.softplus(this.judge(this.generate(batch))));
    return tf.add(real, fake);
  }

  generatorLoss(batch: TinyBatch): tf.Scalar {
    return tf.mean(tf.softplus(tf.neg(this.judge(this.generate(batch)))));
  }

  generate({ y }: TinyBatch): tf.Tensor2D {
    const z: tf.Tensor2D = this.noise ? tf.randomNormal(y.shape) : y;
    return tf.add(tf.matMul(z, this.generator.kernel as tf.Tensor2D), this.generator.bias);
  }

  judge(x: tf.Tensor2D): tf.Tensor2D {
    const { kernel, bias, head } = this.critic;
    const hidden = tf.tanh(tf.add(tf.matMul(x, kernel as tf.Tensor2D), bias));
    return tf.matMul(hidden, head);
  }
}

/** The same game with the steps written out. */
export class ManualGan extends TinyGan {
  override readonly automaticOptimization = false;

  override trainingStep(batch: unknown, _index: number): tf.Scalar {
    const [critic, generator] = this.optimizers();
    const losses = batch as TinyBatch;
    const criticLoss = critic.backward(() => this.criticLoss(losses));
    this.log('loss_critic', criticLoss, { onStep: true, onEpoch: true });
    critic.step();
    const loss = this.manualBackward(() => this.generatorLoss(losses), generator);
    this.log('loss_generator', loss, { onStep: true, onEpoch: true });
    generator.step();
    return loss;
  }
}

function normal(shape: number[], rng: Rng): tf.Variable {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size }, () => rng.normal() * 0.5);
  return tf.tidy(() => tf.variable(tf.tensor(values, shape)));
}
