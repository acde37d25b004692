import * as tf from '@tensorflow/tfjs-core';
import { cloneTensors, disposeBatch } from '../../core/batch.ts';
import { messageOf, UsageError } from '../../errors.ts';
import type { TrainModule } from '../../core/trainModule.ts';

/**
 * Hands `use` the predictions for a batch: what the step returned, or, when that was nothing, what
 * `predictStep` or `forward` gives for it. Tensors made for that are gone afterwards.
 * @throws UsageError ERR_NO_PREDICTIONS
 */
export function withOutputs<T>(
  owner: string,
  { module, outputs }: { readonly module: TrainModule; readonly outputs: unknown },
  place: readonly [batch: unknown, batchIdx: number, loader: string],
  use: (outputs: unknown) => T,
): T {
  if (outputs !== undefined && outputs !== null) return use(outputs);
  let predicted: unknown;
  try {
    predicted = tf.tidy(() => {
      const own = module.predictStep?.(...place) ?? module.forward(place[0]);
      return cloneTensors(own) as tf.TensorContainer;
    });
  } catch (cause) {
    throw new UsageError(
      'ERR_NO_PREDICTIONS',
      `${owner}: validationStep returns nothing, and predicting failed: ${messageOf(cause)} ` +
        'Return the predictions from validationStep: a tensor, or several by name.',
      { cause },
    );
  }
  try {
    return use(predicted);
  } finally {
    disposeBatch(predicted);
  }
}
