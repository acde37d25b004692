import * as tf from 'lightbox-runtime/tf';

/** Sizes of both networks. */
export interface Sizes {
  readonly noiseSize: number;
  readonly filters: number;
  readonly hiddenUnits: number;
  /** Part of the critic's states that is dropped, so that it does not learn images by heart. */
  readonly dropout: number;
}

/** Noise [batch, noiseSize] -> images [batch, 28, 28, 1] between -1 and 1. */
export function newGenerator({ noiseSize, filters }: Sizes): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [noiseSize], units: 7 * 7 * 2 * filters, ...weights }),
      tf.layers.reLU(),
      tf.layers.reshape({ targetShape: [7, 7, 2 * filters] }),
      tf.layers.conv2dTranspose({ filters, ...stride, ...weights }),
      tf.layers.reLU(),
      tf.layers.conv2dTranspose({ filters: 1, activation: 'tanh', ...stride, ...weights }),
    ],
  });
}

/** Images [batch, 28, 28, 1] -> logits [batch, 1]. */
export function newCritic({ filters, hiddenUnits, dropout }: Sizes): tf.Sequential {
  // Leaky, so that the generator gets a gradient from every judgement.
  const leaky = () => tf.layers.leakyReLU({ alpha: 0.2 });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [28, 28, 1], filters, ...stride, ...weights }),
      leaky(),
      tf.layers.dropout({ rate: dropout }),
      tf.layers.conv2d({ filters: 2 * filters, ...stride, ...weights }),
      leaky(),
      tf.layers.dropout({ rate: dropout }),
      tf.layers.flatten(),
      tf.layers.dense({ units: hiddenUnits, ...weights }),
      leaky(),
      tf.layers.dense({ units: 1 }),
    ],
  });
}

const weights = { kernelInitializer: 'heNormal' } as const;

/** Half the width and height; transposed, twice. 4 is a multiple of 2: no chequered pictures. */
const stride = { kernelSize: 4, strides: 2, padding: 'same' } as const;
