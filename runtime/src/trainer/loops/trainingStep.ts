import * as tf from '@tensorflow/tfjs-core';
import { disposeBatch, toTensors, type Batch } from '../../core/batch.ts';
import type { LoadedBatch } from '../../core/loader.ts';
import { computeGradients } from '../../engine/gradients.ts';
import { UsageError } from '../../errors.ts';
import { withKeyedRandom, type Rng } from '../../random/index.ts';
import type { Run } from '../run.ts';
import type { Progress } from '../../core/counters.ts';
import type { BoundRound } from './boundRound.ts';
import type { OptimizerStep } from './optimizerStep.ts';

/** Where a batch stands in its epoch. */
export interface BatchPlace {
  readonly index: number;
  /** Whether the optimizer steps after it: its accumulation group is full, or the epoch over. */
  readonly completesUpdate: boolean;
}

/** One training batch: loss, gradients, and the update when its group is complete. */
export async function trainOnBatch(
  run: Run,
  optimizer: OptimizerStep,
  loaded: LoadedBatch,
  place: BatchPlace,
): Promise<void> {
  const { counters, hooks, profiler } = run;
  const batch = toTensors(loaded.data);
  try {
    counters.batches.ready++;
    const starting = hooks.call('onTrainBatchStart', batch, place.index);
    if (starting !== undefined) await starting;
    counters.batches.started++;
    profiler.switchTo('compute');
    let loss = 0;
    for (const round of optimizer.rounds) {
      loss = backward(run, round, batch, place.index);
      const backwardDone = hooks.call('onAfterBackward');
      if (backwardDone !== undefined) await backwardDone;
      round.accumulate(loaded.size);
      if (!place.completesUpdate) continue;
      round.prepare(run.globalStep, run.currentEpoch);
      const ready = hooks.call('onBeforeOptimizerStep');
      if (ready !== undefined) await ready;
      round.step();
    }
    if (place.completesUpdate) {
      countUpdate(counters.updates);
      run.firstUpdateAt ??= run.clock.now();
    }
    counters.batches.processed++;
    run.logs.setStep(run.store.settle(loaded.size, run.globalStep));
    profiler.switchTo('idle');
    await finishBatch(run, loss, batch, place, loaded.consumed ?? loaded.size);
  } finally {
    run.store.discardPending();
    disposeBatch(batch);
    loaded.release?.();
  }
}

/** Leaves the gradients in the round's arena and returns the loss, which has been checked. */
function backward(run: Run, round: BoundRound, batch: Batch, index: number): number {
  const { module } = run;
  const random = run.rng.fold('step', run.counters.batches.completed, round.name);
  const record = (lent: Pick<Rng, 'uniform'>): tf.Scalar =>
    withKeyedRandom(lent, () =>
      computeGradients(
        () => checkedLoss(module.trainingStep(batch, index, round.name), module),
        round.arena,
      ),
    );
  const loss =
    run.compiled === null
      ? readLoss(record(random))
      : run.compiled.step(round, batch, index, random, record);
  if (!Number.isFinite(loss) && run.options.terminateOnNan) throw notFinite(run, loss, index);
  return loss;
}

function readLoss(tensor: tf.Scalar): number {
  const [loss] = tensor.dataSync();
  tensor.dispose();
  return loss;
}

function countUpdate(updates: Progress): void {
  updates.ready++;
  updates.started++;
  updates.processed++;
  updates.completed++;
}

/**
 * Ordinary callbacks may still add values to the row of this update; it is written before
 * monitoring callbacks save, so that a resumed run does not write it again.
 */
async function finishBatch(
  run: Run,
  loss: number,
  batch: Batch,
  { index, completesUpdate }: BatchPlace,
  size: number,
): Promise<void> {
  const { counters, hooks, progress } = run;
  counters.samples += size;
  counters.batchesInEpoch = index + 1;
  progress.position += size;
  progress.phase = 'batch';
  progress.rowDue = completesUpdate && run.globalStep % (run.plan?.logEveryUpdates ?? 1) === 0;
  const ordinary = hooks.ordinary('onTrainBatchEnd', loss, batch, index);
  if (ordinary !== undefined) await ordinary;
  counters.batches.completed++;
  if (progress.rowDue) writeRow(run);
  const monitoring = hooks.monitoring('onTrainBatchEnd', loss, batch, index);
  if (monitoring !== undefined) await monitoring;
}

/** Writes the row of the update just done. */
export function writeRow(run: Run): void {
  run.profiler.measure('logging', () => {
    run.logs.writeStep(run.place);
  });
  run.progress.rowDue = false;
}

function checkedLoss(loss: unknown, module: object): tf.Scalar {
  if (loss instanceof tf.Tensor && loss.size === 1) {
    return (loss.rank === 0 ? loss : tf.reshape(loss, [])) as tf.Scalar;
  }
  const owner = module.constructor.name;
  const got =
    loss instanceof tf.Tensor
      ? `a tensor of shape [${(loss as tf.Tensor).shape.join(', ')}]; reduce it, for example with .mean()`
      : loss instanceof Promise
        ? 'a promise; steps are synchronous, remove async'
        : loss === undefined
          ? 'nothing; return the loss'
          : typeof loss;
  throw new UsageError(
    'ERR_STEP_LOSS',
    `${owner}.trainingStep: expected the loss as a scalar tensor, got ${got}.`,
  );
}

function notFinite(run: Run, loss: number, index: number): UsageError {
  const best = run.lastCheckpoint;
  const last = best === null ? 'No checkpoint was saved yet.' : `Last good checkpoint: ${best}.`;
  return new UsageError(
    'ERR_LOSS_NOT_FINITE',
    `The training loss is ${String(loss)} at update ${String(run.globalStep + 1)} ` +
      `(epoch ${String(run.currentEpoch)}, batch ${String(index)}). ${last} ` +
      'Lower the learning rate, set gradient_clip_val, or look for bad values in the data; ' +
      'terminate_on_nan: false trains on regardless.',
  );
}
