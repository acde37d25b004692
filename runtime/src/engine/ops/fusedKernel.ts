import * as tf from '@tensorflow/tfjs-core';

/** Whether the current back end has the kernel. */
export function hasKernel(name: string): boolean {
  const config: unknown = tf.getKernel(name, tf.getBackend());
  return config !== undefined && config !== null;
}

/** Runs a kernel of this runtime; the caller knows how many outputs it has. */
export function runKernel(name: string, inputs: tf.NamedTensorMap, attrs: object): tf.Tensor[] {
  const outputs = tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap);
  return Array.isArray(outputs) ? outputs : [outputs];
}

/**
 * Whether a gradient is being computed that itself will be differentiated: then its parts must be
 * ops with gradients of their own, not one kernel.
 */
export function isDifferentiatedAgain(): boolean {
  return tf.engine().isTapeOn();
}
