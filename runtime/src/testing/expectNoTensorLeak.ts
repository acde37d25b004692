import * as tf from '@tensorflow/tfjs-core';
import { LightboxError } from '../errors.ts';

/**
 * Runs `body` and throws when it leaves tensors behind: more live ones after it than before.
 * @param body what must clean up after itself
 * @param allowed tensors that it may leave, such as weights that it makes
 * @throws LightboxError ERR_TENSOR_LEAK with both counts
 */
export async function expectNoTensorLeak<T>(
  body: () => T | Promise<T>,
  { allowed = 0 }: { allowed?: number } = {},
): Promise<T> {
  const before = tf.memory().numTensors;
  const result = await body();
  const left = tf.memory().numTensors - before;
  if (left <= allowed) return result;
  throw new LightboxError(
    'ERR_TENSOR_LEAK',
    `${String(left)} tensors were left behind, ${String(allowed)} are allowed (${String(before)} before). ` +
      'Dispose them, or make them inside tf.tidy.',
  );
}
