import * as tf from '@tensorflow/tfjs-core';
import { disposeBatch, toTensors, type HostBatch } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import type { LoadedBatch } from '../../core/loader.ts';
import { withKeyedRandom } from '../../random/index.ts';
import type { Run } from '../run.ts';
import { breathe } from './breathe.ts';
import type { EvaluationLoader } from './evaluationLoop.ts';

/** Outputs of one batch, on the host: nothing to dispose. */
export interface Prediction {
  readonly outputs: HostBatch;
  /** Samples in the batch. */
  readonly size: number;
  readonly batchIdx: number;
  readonly loader: string;
}

/** Yields outputs batch by batch and keeps none of them. */
export async function* predictBatches(
  run: Run,
  loaders: readonly EvaluationLoader[],
): AsyncGenerator<Prediction, void, undefined> {
  run.stage = 'predict';
  run.store.enter('predict');
  run.evaluationBatches = Object.fromEntries(loaders.map(({ name, batches }) => [name, batches]));
  run.module.setTraining(false);
  await run.hooks.call('onPredictStart');
  await run.hooks.call('onPredictEpochStart');
  for (const source of loaders) {
    yield* predictLoader(run, source);
    if (run.requests.leavingAt('update') !== null) return;
  }
  await run.hooks.call('onPredictEpochEnd');
  await run.hooks.call('onPredictEnd');
}

async function* predictLoader(
  run: Run,
  { name, loader, batches }: EvaluationLoader,
): AsyncGenerator<Prediction, void, undefined> {
  let batchIdx = 0;
  for await (const loaded of loader.iterate(0)) {
    if (batchIdx === batches) return;
    const outputs = await predictBatch(run, loaded, batchIdx, name);
    yield { outputs, size: loaded.size, batchIdx, loader: name };
    batchIdx++;
    const breath = breathe(run);
    if (breath !== undefined) await breath;
    if (batchIdx === batches || run.requests.leavingAt('update') !== null) return;
  }
}

async function predictBatch(
  run: Run,
  loaded: LoadedBatch,
  batchIdx: number,
  loader: string,
): Promise<HostBatch> {
  const { module, hooks, rng } = run;
  const batch = toTensors(loaded.data);
  try {
    await hooks.call('onPredictBatchStart', batch, batchIdx, loader);
    const outputs = withKeyedRandom(rng.fold('predict', loader, batchIdx), () => {
      let host: HostBatch = null;
      tf.tidy(() => {
        const result =
          module.predictStep === undefined
            ? module.forward(batch)
            : module.predictStep(batch, batchIdx, loader);
        host = toHost(result);
      });
      return host;
    });
    run.store.settle(loaded.size, run.globalStep);
    await hooks.call('onPredictBatchEnd', outputs, batch, batchIdx, loader);
    return outputs;
  } finally {
    run.store.discardPending();
    disposeBatch(batch);
    loaded.release?.();
  }
}

/** The same nesting with tensors read; what is no plain data becomes null. */
function toHost(value: unknown): HostBatch {
  if (value instanceof tf.Tensor) {
    const tensor = value as tf.Tensor;
    const data = tensor.dataSync<'float32'>().slice();
    const dtype = tensor.dtype === 'int32' || tensor.dtype === 'bool' ? tensor.dtype : 'float32';
    return { data, shape: tensor.shape, dtype };
  }
  if (Array.isArray(value)) return value.map(toHost);
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toHost(item)]));
  }
  const plain = ['string', 'number', 'boolean'].includes(typeof value);
  return plain ? (value as string | number | boolean) : null;
}
