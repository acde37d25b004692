import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, isDifferentiatedAgain, runKernel } from './fusedKernel.ts';
import { geluSlope, registerGeluOnCpu, type GeluApproximation } from './geluOnCpu.ts';

registerGeluOnCpu();

/**
 * The activation x * P(X <= x) of a normal X, of any float32 tensor. Back ends that have a kernel
 * for it compute it and its gradient in as few passes as they can.
 *
 * @param approximate default `none`, as in PyTorch
 */
export function gelu<T extends tf.Tensor>(x: T, approximate: GeluApproximation = 'none'): T {
  if (!hasKernel('Gelu')) return byOps(x, approximate) as T;
  const attrs = { approximate };
  const op = tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    return {
      value: runKernel('Gelu', { x: input as tf.Tensor }, attrs)[0],
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) =>
        isDifferentiatedAgain()
          ? tf.mul(dy, slopeByOps(saved, approximate))
          : runKernel('GeluGrad', { dy, x: saved }, attrs)[0],
    };
  });
  return op(x) as T;
}

function byOps(x: tf.Tensor, approximate: GeluApproximation): tf.Tensor {
  return tf.mul(x, shareByOps(x, approximate));
}

function shareByOps(x: tf.Tensor, approximate: GeluApproximation): tf.Tensor {
  if (approximate === 'none') return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
  const { linear, cubic } = geluSlope;
  return tf.sigmoid(tf.mul(x, tf.add(tf.mul(tf.square(x), cubic), linear)));
}

function slopeByOps(x: tf.Tensor, approximate: GeluApproximation): tf.Tensor {
  const share = shareByOps(x, approximate);
  if (approximate === 'none') {
    const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.add(share, tf.mul(x, density));
  }
  const { linear, cubic } = geluSlope;
  const inner = tf.add(tf.mul(tf.square(x), 3 * cubic), linear);
  return tf.add(share, tf.mul(tf.mul(tf.mul(x, share), tf.sub(1, share)), inner));
}
