import * as tf from '@tensorflow/tfjs-core';
import type { FusedBatchNormAttrs, GradConfig, SumAttrs } from '@tensorflow/tfjs-core';

/**
 * Replaces gradients of tfjs's that make tensors nobody needs: those of sums and means multiply
 * with a tensor of ones from the host, that of batch normalisation passes the images 13 times.
 * The numbers stay the same, on all back ends. Repeatable; tfjs's own must be registered before.
 */
export function registerLeanGradients(): void {
  const batchNorm = tf.getGradient('FusedBatchNorm');
  if (batchNorm === batchNormGradient) return;
  original = batchNorm;
  const configs = [sumGradient, meanGradient, squareGradient, batchNormGradient];
  for (const config of configs) tf.registerGradient(config);
}

let original: GradConfig;

const sumGradient: GradConfig = {
  kernelName: 'Sum',
  inputsToSave: ['x'],
  gradFunc(dy, [x], attrs) {
    return { x: () => spread(dy as tf.Tensor, x, attrs, 1) };
  },
};

const meanGradient: GradConfig = {
  kernelName: 'Mean',
  inputsToSave: ['x'],
  gradFunc(dy, [x], attrs) {
    return { x: () => spread(dy as tf.Tensor, x, attrs, x.size / (dy as tf.Tensor).size) };
  },
};

/** Doubles the gradient first, which is often that of a mean: one number for many squares. */
const squareGradient: GradConfig = {
  kernelName: 'Square',
  inputsToSave: ['x'],
  gradFunc(dy, [x]) {
    return { x: () => tf.mul(tf.mul(dy as tf.Tensor, 2), tf.cast(x, 'float32')) };
  },
};

/** Gives every summand the gradient of its sum, divided by `divisor`. */
function spread(dy: tf.Tensor, x: tf.Tensor, attrs: unknown, divisor: number): tf.Tensor {
  const axes = tf.util.parseAxisParam((attrs as SumAttrs).axis, x.shape);
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const small = tf.reshape(divisor === 1 ? dy : tf.div(dy, divisor), kept);
  return tf.broadcastTo(small, x.shape);
}

const batchNormGradient: GradConfig = {
  kernelName: 'FusedBatchNorm',
  inputsToSave: ['x', 'mean', 'variance', 'scale'],
  gradFunc(dyOrList, saved, attrs) {
    const [x, mean, variance, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor?];
    if (mean.rank !== 1) return original.gradFunc(dyOrList, saved, attrs);
    const dy = dyOrList as tf.Tensor;
    const { varianceEpsilon } = attrs as unknown as FusedBatchNormAttrs;
    const axes = x.shape.map((_, axis) => axis).slice(0, -1);
    const inverse = tf.rsqrt(tf.add(variance, varianceEpsilon));
    const factor = scale === undefined ? inverse : tf.mul(inverse, scale);
    const total = tf.sum(dy, axes);
    const correlation = tf.sum(tf.mul(dy, tf.sub(x, mean)), axes);
    return {
      x: () => tf.mul(dy, factor),
      mean: () => tf.neg(tf.mul(factor, total)),
      variance: () => {
        const slope = tf.mul(tf.mul(tf.square(inverse), factor), -0.5);
        return tf.mul(slope, correlation);
      },
      scale: () => tf.mul(correlation, inverse),
      offset: () => total,
    };
  },
};
