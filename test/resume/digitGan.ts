import { Adam, type OptimizerConfig } from '../../runtime/src/core/optim/index.ts';
import { Cosine } from '../../runtime/src/core/schedulers/index.ts';
import { TrainModule } from '../../runtime/src/core/trainModule.ts';
import * as tf from '../../runtime/src/engine/tf.ts';

interface DigitBatch {
  readonly image: tf.Tensor4D;
}

const pixels = 28 * 28;

/**
 * Two optimizers in rounds, the generator in every second update, noise and dropout drawn anew for
 * each of them.
 */
export class DigitGan extends TrainModule {
  readonly generator: tf.Sequential;
  readonly critic: tf.Sequential;
  readonly #planted: boolean;
  #steps = 0;

  /** @param planted scales the losses by steps since this process began, which no checkpoint restores */
  constructor(planted: boolean) {
    super({});
    this.#planted = planted;
    this.generator = tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [8], units: 32, activation: 'relu' }),
        tf.layers.dense({ units: pixels, activation: 'sigmoid' }),
      ],
    });
    this.critic = tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [pixels], units: 32, activation: 'tanh' }),
        tf.layers.dropout({ rate: 0.3 }),
        tf.layers.dense({ units: 1 }),
      ],
    });
  }

  override trainingStep(batch: DigitBatch, _batchIdx: number, round: string): tf.Scalar {
    const loss = round === 'critic' ? this.#criticLoss(batch) : this.#generatorLoss(batch);
    this.log(`loss_${round}`, loss, { onStep: true, onEpoch: true });
    return tf.mul(loss, this.#planted ? 1 + 0.01 * (this.#steps++ % 7) : 1);
  }

  override validationStep(batch: DigitBatch): void {
    this.log('loss', this.#criticLoss(batch));
  }

  override configureOptimizers(): OptimizerConfig {
    return [
      {
        name: 'critic',
        parameters: ['critic.*'],
        optimizer: new Adam({ lr: 0.002, betas: [0.5, 0.9] }),
        clip: { norm: 1 },
      },
      {
        name: 'generator',
        parameters: ['generator.*'],
        optimizer: new Adam({ lr: 0.002, betas: [0.5, 0.9] }),
        scheduler: new Cosine(),
        every: 2,
      },
    ];
  }

  #criticLoss(batch: DigitBatch): tf.Scalar {
    const real = tf.mean(tf.softplus(tf.neg(this.#judge(batch.image))));
    return tf.add(real, tf.mean(tf.softplus(this.#judge(this.#made(batch)))));
  }

  #generatorLoss(batch: DigitBatch): tf.Scalar {
    return tf.mean(tf.softplus(tf.neg(this.#judge(this.#made(batch)))));
  }

  #made({ image }: DigitBatch): tf.Tensor {
    return this.generator.apply(tf.randomNormal([image.shape[0], 8])) as tf.Tensor;
  }

  #judge(images: tf.Tensor): tf.Tensor {
    const flat = tf.reshape(images, [-1, pixels]);
    return this.critic.apply(flat, { training: this.training }) as tf.Tensor;
  }
}
