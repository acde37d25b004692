import { AdamW, type OptimizerConfig } from '../../runtime/src/core/optim/index.ts';
import { WarmupCosine } from '../../runtime/src/core/schedulers/index.ts';
import { TrainModule } from '../../runtime/src/core/trainModule.ts';
import * as tf from '../../runtime/src/engine/tf.ts';

interface DigitBatch {
  readonly image: tf.Tensor4D;
  readonly label: tf.Tensor1D;
}

/**
 * A small convolutional network with dropout and a dense layer large enough that writing it takes
 * a moment.
 */
export class DigitNet extends TrainModule {
  readonly network: tf.Sequential;
  readonly #planted: boolean;
  #steps = 0;

  /** @param planted scales the loss by steps since this process began, which no checkpoint restores */
  constructor(planted: boolean) {
    super({});
    this.#planted = planted;
    const kernelInitializer = 'heNormal';
    this.network = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [28, 28, 1],
          filters: 8,
          kernelSize: 3,
          activation: 'relu',
          kernelInitializer,
        }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 128, activation: 'relu', kernelInitializer }),
        tf.layers.dropout({ rate: 0.4 }),
        tf.layers.dense({ units: 10 }),
      ],
    });
  }

  override trainingStep(batch: DigitBatch): tf.Scalar {
    const loss = this.#loss(batch);
    this.log('loss', loss, { onEpoch: true });
    const lost = this.#planted ? 1 + 0.01 * (this.#steps++ % 7) : 1;
    return tf.mul(loss, lost);
  }

  override validationStep(batch: DigitBatch): void {
    this.log('loss', this.#loss(batch));
  }

  override configureOptimizers(): OptimizerConfig {
    return {
      optimizer: new AdamW({ lr: 0.003, weightDecay: 0.01 }),
      scheduler: new WarmupCosine({ warmup: '10%' }),
    };
  }

  override exampleInput(): tf.Tensor {
    return tf.zeros([1, 28, 28, 1]);
  }

  #loss({ image, label }: DigitBatch): tf.Scalar {
    const logits = this.network.apply(image, { training: this.training }) as tf.Tensor2D;
    return tf.losses.softmaxCrossEntropy(tf.oneHot(label, 10), logits);
  }
}
