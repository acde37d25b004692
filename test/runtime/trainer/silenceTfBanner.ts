import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

/** tfjs advertises tfjs-node on the first tensor of a process. */
export function silenceTfBanner(): void {
  tf.env().set('IS_NODE', false);
}
