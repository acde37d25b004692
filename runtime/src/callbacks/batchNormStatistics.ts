import * as tf from '@tensorflow/tfjs-core';
import { disposeBatch, toTensors } from '../core/batch.ts';
import { isPlainObject } from '../core/json.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { withKeyedRandom } from '../random/index.ts';

/** A tfjs-layers batch normalisation, seen by shape so that two copies of the package do not matter. */
interface BatchNormLayer {
  momentum: number;
  readonly movingMean: unknown;
  readonly movingVariance: unknown;
}

/**
 * Computes the statistics of every batch normalisation anew, as plain means over one epoch of
 * training batches with the weights of now.
 * @returns how many there are; without any nothing is computed
 */
export async function updateBatchNorm(context: TrainerContext): Promise<number> {
  const { module, trainLoader, plan, rng } = context;
  const layers = batchNorms(module);
  if (layers.length === 0 || trainLoader === null) return 0;
  const momenta = layers.map(({ momentum }) => momentum);
  module.setTraining(true);
  try {
    let batches = 0;
    for await (const loaded of trainLoader.iterate(0)) {
      const batch = toTensors(loaded.data);
      // new = old * momentum + batch * (1 - momentum): with this one it is the mean so far.
      for (const layer of layers) layer.momentum = batches / (batches + 1);
      withKeyedRandom(rng.fold('swa', batches), () => {
        tf.tidy(() => void module.trainingStep(batch, batches, 'default'));
      });
      disposeBatch(batch);
      loaded.release?.();
      batches++;
      if (batches === plan?.batchesPerEpoch) break;
    }
  } finally {
    module.setTraining(false);
    layers.forEach((layer, index) => (layer.momentum = momenta[index]));
  }
  return layers.length;
}

function batchNorms(owner: object): BatchNormLayer[] {
  const found = new Set<BatchNormLayer>();
  const seen = new Set<object>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if ('movingMean' in value && 'momentum' in value) found.add(value as BatchNormLayer);
    else if ('layers' in value && Array.isArray(value.layers)) value.layers.forEach(visit);
    else if (Array.isArray(value)) value.forEach(visit);
    else if (isPlainObject(value) || 'trainingStep' in value) Object.values(value).forEach(visit);
  };
  Object.values(owner).forEach(visit);
  return [...found];
}
