import * as tf from '@tensorflow/tfjs-core';
import { disposeBatch, toTensors, type Batch } from '../../core/batch.ts';
import type { LoadedBatch } from '../../core/loader.ts';
import { computeGradients } from '../../engine/gradients.ts';
import { withKeyedRandom, type Rng } from '../../random/index.ts';
import type { Run } from '../run.ts';
import type { Progress } from '../../core/counters.ts';
import type { BoundRound } from './boundRound.ts';
import { detectAnomaly } from './detectAnomaly.ts';
import { checkedLoss, requireFinite } from './losses.ts';
import type { ManualOptimization } from './manualOptimization.ts';
import type { OptimizerStep } from './optimizerStep.ts';

/** Where a batch stands in its epoch. */
export interface BatchPlace {
  readonly index: number;
  /** Whether the optimizer steps after it: its accumulation group is full, or the epoch over. */
  readonly completesUpdate: boolean;
  /** Whether the epoch is over after it. */
  readonly isLast: boolean;
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
    run.buffers.keep();
    const starting = hooks.call('onTrainBatchStart', batch, place.index);
    if (starting !== undefined) await starting;
    counters.batches.started++;
    profiler.switchTo('compute');
    if (optimizer.followTrainables(run.module)) startOver(run);
    const { loss, updated } =
      optimizer.manual === null
        ? await takeTurns(run, optimizer, batch, loaded.size, place)
        : stepManually(run, optimizer.manual, batch, loaded.size, place);
    run.buffers.drop();
    if (updated) {
      countUpdate(counters.updates);
      run.firstUpdateAt ??= run.clock.now();
    }
    counters.batches.processed++;
    run.logs.setStep(run.store.settle(loaded.size, run.globalStep));
    profiler.switchTo('idle');
    run.progress.updated = updated;
    run.progress.updateComplete = place.completesUpdate;
    run.progress.epochComplete = place.isLast;
    await finishBatch(run, loss, batch, place.index, loaded.consumed ?? loaded.size);
  } catch (error) {
    // Weights are those before the batch; with these, it is as if it had not been.
    if (!run.midUpdate) run.buffers.restore();
    throw error;
  } finally {
    run.buffers.drop();
    run.nanGuard.after();
    run.store.discardPending();
    disposeBatch(batch);
    loaded.release?.();
  }
}

/** Recorded steps compute the gradients of what was trainable then. */
function startOver({ compiled, module }: Run): void {
  compiled?.reset();
  module.setTraining(true);
}

interface StepOutcome {
  readonly loss: number;
  /** Whether weights changed: `globalStep` counts one. */
  readonly updated: boolean;
}

/** Each optimizer whose turn it is: its loss, its gradients, and its part of the update. */
async function takeTurns(
  run: Run,
  { rounds }: OptimizerStep,
  batch: Batch,
  size: number,
  { index, completesUpdate }: BatchPlace,
): Promise<StepOutcome> {
  const { hooks } = run;
  const updates = run.counters.updates.completed;
  let loss = 0;
  let [leftOut, stepped] = [false, false];
  for (const round of rounds) {
    if (!round.hasTurn(updates)) {
      run.midUpdate = true;
      round.sitOut();
      continue;
    }
    run.nanGuard.before();
    loss = backward(run, round, batch, index);
    const step = { round, loss, batch, index };
    if (run.nanGuard.needsLook(loss) && !(await run.nanGuard.accepts(step))) {
      if (!completesUpdate) continue;
      if (round.arena.accumulatedWeight === 0) {
        leftOut = true;
        round.sitOut();
        continue;
      }
    } else {
      const backwardDone = hooks.call('onAfterBackward', round.name);
      if (backwardDone !== undefined) await backwardDone;
      run.midUpdate = true;
      round.accumulate(size);
    }
    if (!completesUpdate) continue;
    round.prepare(updates, run.counters.epochs.completed);
    const ready = hooks.call('onBeforeOptimizerStep', round.name);
    if (ready !== undefined) await ready;
    round.step();
    stepped = true;
  }
  // One in which no optimizer had its turn counts all the same: turns are counted in updates.
  return { loss, updated: completesUpdate && (stepped || !leftOut) };
}

/** The module's own step, with the optimizers lent to it. */
function stepManually(
  run: Run,
  manual: ManualOptimization,
  batch: Batch,
  size: number,
  { index, completesUpdate }: BatchPlace,
): StepOutcome {
  const { module } = run;
  const random = run.rng.fold('step', run.counters.batches.completed, 'manual');
  run.midUpdate = true;
  manual.begin({ index, size, completesUpdate });
  const loss = withKeyedRandom(random, () => {
    let value = 0;
    tf.tidy(() => {
      [value] = checkedLoss(module.trainingStep(batch, index, 'manual'), module).dataSync();
    });
    return value;
  });
  const { updated, leftOut } = manual.end();
  // What was logged around the gradients that were left out is no mean's affair either.
  if (leftOut) run.store.discardPending();
  else requireFinite(run, loss, index);
  return { loss, updated };
}

/** Leaves the gradients in the round's arena and returns the loss. */
function backward(run: Run, round: BoundRound, batch: Batch, index: number): number {
  const { module } = run;
  const random = run.rng.fold('step', run.counters.batches.completed, round.name);
  const gradients = (): tf.Scalar =>
    computeGradients(
      () => checkedLoss(module.trainingStep(batch, index, round.name), module),
      round.arena,
    );
  const record = (lent: Pick<Rng, 'uniform'>): tf.Scalar =>
    withKeyedRandom(lent, run.options.detectAnomaly ? () => detectAnomaly(gradients) : gradients);
  const loss =
    run.compiled === null
      ? readLoss(record(random))
      : run.compiled.step(round, batch, index, random, record);
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
  index: number,
  size: number,
): Promise<void> {
  const { counters, hooks, progress } = run;
  counters.samples += size;
  counters.batchesInEpoch = index + 1;
  progress.position += size;
  progress.phase = 'batch';
  run.midUpdate = false;
  progress.rowDue = progress.updated && run.globalStep % (run.plan?.logEveryUpdates ?? 1) === 0;
  const ordinary = hooks.ordinary('onTrainBatchEnd', loss, batch, index);
  if (ordinary !== undefined) await ordinary;
  counters.batches.completed++;
  if (progress.rowDue) writeRow(run);
  const monitoring = hooks.monitoring('onTrainBatchEnd', loss, batch, index);
  if (monitoring !== undefined) await monitoring;
}

/** Writes the row of the update just done. */
export function writeRow(run: Run): void {
  run.profiler.enter('logging');
  try {
    run.logs.writeStep(run.place);
  } finally {
    run.profiler.leave('logging');
  }
  run.progress.rowDue = false;
}
