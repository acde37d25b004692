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
  call(inputs: unknown, options: Readonly<Record<string, unknown>>): unknown;
}

/**
 * Computes the statistics of every batch normalisation anew, as plain means over one epoch of
 * training batches with the weights of now.
 * @returns what was done, for a line of text: nothing where there are none
 */
export async function updateBatchNorm(context: TrainerContext): Promise<string> {
  const { module, trainLoader, plan, rng } = context;
  const layers = batchNorms(module);
  if (layers.length === 0 || trainLoader === null) return '';
  const count = `${String(layers.length)} batch normalisations`;
  if (!module.automaticOptimization) {
    // Its training step takes optimizer steps, which would change the averages.
    return (
      `; statistics of ${count} stay those of training, for ${module.constructor.name} ` +
      'optimizes manually'
    );
  }
  const rounds = new Set(context.optimizers.map(({ optimizer }) => optimizer));
  const restore = layers.map(averageStatistics);
  module.setTraining(true);
  try {
    let batches = 0;
    for await (const loaded of trainLoader.iterate(0)) {
      const batch = toTensors(loaded.data);
      for (const round of rounds) {
        withKeyedRandom(rng.fold('swa', batches), () => {
          tf.tidy(() => void module.trainingStep(batch, batches, round));
        });
      }
      disposeBatch(batch);
      loaded.release?.();
      batches++;
      if (batches === plan?.batchesPerEpoch) break;
    }
  } finally {
    module.setTraining(false);
    for (const put of restore) put();
  }
  return `, statistics of ${count} computed anew`;
}

/**
 * Lets a layer's statistics be the mean over its calls in training from now on, however many of
 * them a step has. @returns puts it back
 */
function averageStatistics(layer: BatchNormLayer): () => void {
  const { momentum } = layer;
  const call = layer.call.bind(layer);
  let calls = 0;
  layer.call = (inputs, options) => {
    // new = old * momentum + batch * (1 - momentum): with this one it is the mean so far.
    if (options.training === true) {
      layer.momentum = calls / (calls + 1);
      calls++;
    }
    return call(inputs, options);
  };
  return () => {
    // Its own property hides that of the class.
    Reflect.deleteProperty(layer, 'call');
    layer.momentum = momentum;
  };
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
