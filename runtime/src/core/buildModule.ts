import * as tf from '@tensorflow/tfjs-core';
import type { NamedParameter } from './parameters.ts';
import type { TrainModule } from './trainModule.ts';
import { LightboxError } from '../errors.ts';
import { withKeyedRandom, type Rng } from '../random/index.ts';

/**
 * The module's weights. Layers that are still without are built by one forward pass over
 * `exampleInput()`, with keyed initial values.
 * @throws UsageError ERR_MODULE_UNBUILT when there is no example input to build from
 */
export function buildModule(module: TrainModule, rng: Rng): NamedParameter[] {
  try {
    return module.parameters();
  } catch (error) {
    const unbuilt = error instanceof LightboxError && error.code === 'ERR_MODULE_UNBUILT';
    if (!unbuilt || module.exampleInput === undefined) throw error;
  }
  withKeyedRandom(rng.fold('build'), () => {
    tf.tidy(() => {
      module.forward(module.exampleInput?.());
    });
  });
  return module.parameters();
}
