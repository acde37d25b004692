import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, isDifferentiatedAgain, runKernel } from './fusedKernel.ts';
import { registerLayerNormOnCpu } from './layerNormOnCpu.ts';

registerLayerNormOnCpu();

/**
 * Layer normalisation over the last axis: (x - mean) / sqrt(variance + epsilon) * scale + shift.
 * Back ends that have a kernel for it compute it and its gradient in as few passes as they can.
 *
 * @param x float32 [..., width]
 * @param scale [width]
 * @param shift [width]
 * @param epsilon default 1e-5
 */
export function layerNorm<T extends tf.Tensor>(
  x: T,
  scale: tf.Tensor,
  shift: tf.Tensor,
  epsilon = 1e-5,
): T {
  if (!hasKernel('LayerNorm')) return byOps(x, scale, shift, epsilon) as T;
  const op = tf.customGrad((...args) => {
    const [input, factor, offset, save] = args as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.GradSaveFunc,
    ];
    const inputs = { x: input, scale: factor, shift: offset };
    const [value, mean, inverse] = runKernel('LayerNorm', inputs, { epsilon });
    save([input, factor, mean, inverse]);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradient(dy, saved, epsilon) };
  });
  return op(x, scale, shift) as T;
}

function gradient(dy: tf.Tensor, saved: tf.Tensor[], epsilon: number): tf.Tensor[] {
  const [x, scale, mean, inverse] = saved;
  if (isDifferentiatedAgain()) return gradientByOps(dy, x, scale, epsilon);
  return runKernel('LayerNormGrad', { dy, x, scale, mean, inverse }, { epsilon });
}

function byOps(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.add(tf.mul(normalise(x, epsilon).normal, scale), shift);
}

function normalise(x: tf.Tensor, epsilon: number): { normal: tf.Tensor; inverse: tf.Tensor } {
  const { mean, variance } = tf.moments(x, -1, true);
  const inverse = tf.rsqrt(tf.add(variance, epsilon));
  return { normal: tf.mul(tf.sub(x, mean), inverse), inverse };
}

function gradientByOps(
  dy: tf.Tensor,
  x: tf.Tensor,
  scale: tf.Tensor,
  epsilon: number,
): tf.Tensor[] {
  const { normal, inverse } = normalise(x, epsilon);
  const mean = (tensor: tf.Tensor) => tf.mean(tensor, -1, true);
  const scaled = tf.mul(dy, scale);
  const along = tf.mul(normal, mean(tf.mul(scaled, normal)));
  const dx = tf.mul(tf.sub(tf.sub(scaled, mean(scaled)), along), inverse);
  const rows = Array.from({ length: x.rank - 1 }, (_, axis) => axis);
  return [dx, tf.sum(tf.mul(dy, normal), rows), tf.sum(dy, rows)];
}
