import * as tf from '@tensorflow/tfjs-core';
import type { StateTensor } from '../core/callback.ts';
import type { NamedParameter } from '../core/parameters.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { UsageError } from '../errors.ts';

/** Plain averages of a module's weights over moments, in float32 as the weights are. */
export class AveragedWeights {
  readonly #prefix: string;
  readonly #averages = new Map<string, StateTensor & { readonly data: Float32Array }>();
  /** Moments averaged. */
  count = 0;

  /** @param prefix of the names in checkpoints */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(module: TrainModule): void {
    this.count++;
    for (const { name, variable } of trained(module)) {
      const value = variable.dataSync();
      const average = this.#averages.get(name)?.data;
      if (average === undefined) this.#put(name, variable.shape, Float32Array.from(value));
      else
        for (let at = 0; at < average.length; at++) {
          average[at] += (value[at] - average[at]) / this.count;
        }
    }
  }

  copyTo(module: TrainModule): void {
    for (const { name, variable } of trained(module)) {
      const average = this.#averages.get(name);
      if (average === undefined) continue;
      const value = tf.tensor(average.data.slice(), variable.shape, 'float32');
      variable.assign(value);
      value.dispose();
    }
  }

  tensors(): readonly StateTensor[] {
    return [...this.#averages.values()];
  }

  /** @throws UsageError ERR_SWA_STATE */
  load(tensors: ReadonlyMap<string, StateTensor>, module: TrainModule): void {
    for (const { name, variable } of trained(module)) {
      const saved = tensors.get(`${this.#prefix}/${name}`);
      if (saved?.data instanceof Float32Array && saved.data.length === variable.size) {
        this.#put(name, variable.shape, saved.data.slice());
        continue;
      }
      throw new UsageError(
        'ERR_SWA_STATE',
        `The checkpoint has no average that fits "${name}" [${variable.shape.join(', ')}]. ` +
          'Resume with the module it was saved with.',
      );
    }
  }

  #put(name: string, shape: readonly number[], data: Float32Array): void {
    this.#averages.set(name, { name: `${this.#prefix}/${name}`, shape, data });
  }
}

function trained(module: TrainModule): NamedParameter[] {
  return module
    .parameters()
    .filter(
      ({ trainable, frozen, variable }) =>
        (trainable || frozen === true) && variable.dtype === 'float32',
    );
}
