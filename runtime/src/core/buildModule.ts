import * as tf from '@tensorflow/tfjs-core';
import { withKeyedRandom, type Rng } from '../random/index.ts';
import { UnbuiltLayer, type NamedParameter } from './parameters.ts';
import type { TrainModule } from './trainModule.ts';

/**
 * The module's weights. Layers that are still without are built by one forward pass over
 * `exampleInput()`, then those that were given an `inputShape` from that, with keyed initial values.
 * @throws UsageError ERR_MODULE_UNBUILT when there is nothing to build from
 */
export function buildModule(module: TrainModule, rng: Rng): NamedParameter[] {
  let unbuilt = firstUnbuilt(module);
  if (unbuilt !== null && module.exampleInput !== undefined) {
    withKeyedRandom(rng.fold('build'), () => {
      tf.tidy(() => {
        module.forward(module.exampleInput?.());
      });
    });
    unbuilt = firstUnbuilt(module);
  }
  while (unbuilt !== null) {
    const { layer, field } = unbuilt;
    if (layer.batchInputShape === undefined || layer.build === undefined) throw unbuilt;
    withKeyedRandom(rng.fold('build', field), () => {
      tf.tidy(() => layer.build?.(layer.batchInputShape ?? []));
    });
    const next = firstUnbuilt(module);
    if (next?.layer === layer) throw next;
    unbuilt = next;
  }
  return module.parameters();
}

function firstUnbuilt(module: TrainModule): UnbuiltLayer | null {
  try {
    module.parameters();
    return null;
  } catch (error) {
    if (error instanceof UnbuiltLayer) return error;
    throw error;
  }
}
