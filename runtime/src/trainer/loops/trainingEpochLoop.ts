import { join } from 'node:path';
import { checkpointsFolder } from '../../checkpoint/index.ts';
import type { LoadedBatch, Loader } from '../../core/loader.ts';
import { messageOf, UsageError } from '../../errors.ts';
import type { Run } from '../run.ts';
import { decideEnd, type RunEnd } from '../stopRequests.ts';
import { breathe } from './breathe.ts';
import type { OptimizerStep } from './optimizerStep.ts';
import { trainOnBatch, writeRow } from './trainingStep.ts';

/** What an epoch needs beside the run. */
export interface EpochParts {
  readonly loader: Loader;
  readonly optimizer: OptimizerStep;
  /** Runs a validation; false when it was given up because the run is leaving. */
  readonly validate: () => Promise<boolean>;
}

/**
 * Runs one epoch, or what is left of it. What comes after a batch (validation, end of the epoch)
 * depends on `run.progress` alone, which checkpoints hold: a resumed run goes on at that very point.
 * @returns why the run ends, or null when the next epoch follows
 */
export async function trainEpoch(run: Run, parts: EpochParts): Promise<RunEnd | null> {
  if (run.progress.phase === 'epochStart') await startEpoch(run);
  // Left open when an ordinary callback saved, whose turn is before the row is written.
  else if (run.progress.rowDue) writeRow(run);
  const end = (await afterBatch(run, parts)) ?? (await trainBatches(run, parts));
  if (isLeaving(end)) return end;
  await endEpoch(run, parts);
  return end ?? run.requests.leavingAt('epoch');
}

function isLeaving(end: RunEnd | null): boolean {
  return end !== null && (end.status === 'paused' || end.status === 'interrupted');
}

async function startEpoch(run: Run): Promise<void> {
  run.store.enter('train');
  run.store.resetEpoch('train');
  run.counters.epochs.ready++;
  await run.hooks.call('onTrainEpochStart');
  run.counters.epochs.started++;
  run.progress.phase = 'training';
}

async function trainBatches(run: Run, parts: EpochParts): Promise<RunEnd | null> {
  const { loader } = parts;
  const total = run.plan?.batchesPerEpoch ?? null;
  if (run.progress.epochComplete) return null;
  const iterator = loader.iterate(readPosition(run, loader))[Symbol.asyncIterator]();
  try {
    let current = await nextBatch(run, iterator);
    while (current !== null) {
      const index = run.counters.batchesInEpoch;
      // Only a loader without a known length must be asked in advance whether this is its last.
      const following = total === null ? await nextBatch(run, iterator) : null;
      const isLast = total === null ? following === null : index + 1 === total;
      const completesUpdate =
        isLast || run.plan?.endsGroup(run.counters.epochs.completed, index) === true;
      await trainOnBatch(run, parts.optimizer, current, { index, completesUpdate, isLast });
      const end = await afterBatch(run, parts);
      if (end !== null || isLast) {
        following?.release?.();
        return end;
      }
      const breath = breathe(run);
      if (breath !== undefined) await breath;
      current = following ?? (await nextBatch(run, iterator));
    }
  } finally {
    await iterator.return?.();
  }
  throw tooShort(run, total);
}

async function nextBatch(
  run: Run,
  iterator: AsyncIterator<LoadedBatch>,
): Promise<LoadedBatch | null> {
  run.profiler.switchTo('dataWait');
  const next = await iterator.next();
  run.profiler.switchTo('idle');
  return next.done === true ? null : next.value;
}

/** With `overfit_batches` every epoch reads what the first one reads. */
function readPosition(run: Run, { samplesPerEpoch }: Loader): number {
  if (run.options.overfitBatches === null || samplesPerEpoch === null) return run.progress.position;
  return run.progress.position % samplesPerEpoch;
}

/** Validates when it is due and looks whether the run ends here. */
async function afterBatch(run: Run, { validate }: EpochParts): Promise<RunEnd | null> {
  const { requests } = run;
  if (run.plan === null || run.progress.phase === 'training') return null;
  const boundary = run.progress.updateComplete ? 'update' : 'batch';
  if (requests.save) await saveOnRequest(run);
  const leaving = requests.leavingAt(boundary);
  if (leaving !== null) return leaving;
  if (run.progress.phase === 'batch') {
    if (validationIsDue(run)) {
      if (!(await validate())) return requests.leavingAt('update');
      run.progress.phase = 'validated';
      if (requests.save) await saveOnRequest(run);
      const after = requests.leavingAt('validation');
      if (after !== null) return after;
    }
    run.progress.phase = 'validated';
  }
  return requests.leavingAt(boundary) ?? endOf(run);
}

function validationIsDue(run: Run): boolean {
  const { plan, counters, requests } = run;
  if (plan === null) return false;
  const asked = requests.validate;
  requests.validate = false;
  if (asked) return true;
  // A batch that changed no weights completes no interval of updates.
  const updates = run.progress.updated || !run.progress.updateComplete ? run.globalStep : NaN;
  const known = { ends: run.progress.epochComplete, batches: counters.batches.completed };
  const batch = counters.batchesInEpoch - 1;
  const due = plan.validatesAfter(run.currentEpoch, batch, updates, known);
  return due || (endOf(run)?.status === 'finished' && plan.validatesAtEnd);
}

/** Somebody watching wants a copy; that it cannot be written is no reason to end the training. */
async function saveOnRequest(run: Run): Promise<void> {
  run.requests.save = false;
  if (!run.keeps) {
    run.terminal.line('Not saved: fast_dev_run writes nothing.');
    return;
  }
  const path = join(run.runDir, checkpointsFolder, `save-step=${String(run.globalStep)}`);
  try {
    run.terminal.line(`Saved ${await run.saveCheckpoint(path, { kinds: ['periodic'] })}`);
  } catch (error) {
    run.terminal.line(`Not saved, training goes on: ${messageOf(error)}`);
  }
}

/** Whether training is over; an epoch whose last batch is behind counts as done. */
export function endOf(run: Run): RunEnd | null {
  if (run.plan === null || !run.progress.updateComplete) return null;
  const epochs = run.currentEpoch + (run.progress.epochComplete ? 1 : 0);
  return decideEnd({
    stop: run.requests.stop,
    updates: run.globalStep,
    epochs,
    // Called after each update, where a look at the clock costs more than the rest of it.
    seconds: run.plan.maxSeconds === null ? 0 : run.seconds,
    minEpochs: run.options.minEpochs,
    minSteps: run.options.minSteps,
    plan: run.plan,
  });
}

async function endEpoch(run: Run, { loader, optimizer }: EpochParts): Promise<void> {
  if (run.progress.phase !== 'epochEnd') {
    run.progress.phase = 'epochEnd';
    run.store.finishEpoch('train', run.globalStep);
    run.counters.epochs.processed++;
    await run.hooks.ordinary('onTrainEpochEnd');
    run.store.settle(1, run.globalStep);
    const means = run.store.finishEpoch('train', run.globalStep);
    run.logs.writeEpoch('train', means, run.place);
    optimizer.observe(run.metrics, run.globalStep, 'epoch');
    await run.hooks.monitoring('onTrainEpochEnd');
  }
  enterNextEpoch(run, loader.samplesPerEpoch);
}

/** An epoch that was cut short stays the current one: a longer run goes on inside it. */
function enterNextEpoch({ progress, counters }: Run, samplesPerEpoch: number | null): void {
  if (!progress.epochComplete) return;
  counters.epochs.completed++;
  counters.batchesInEpoch = 0;
  if (samplesPerEpoch !== null) progress.position = counters.epochs.completed * samplesPerEpoch;
  progress.epochComplete = false;
  progress.phase = 'epochStart';
}

function tooShort(run: Run, total: number | null): UsageError {
  if (total === null) {
    return new UsageError(
      'ERR_NO_BATCHES',
      'The training loader yielded no batch. Check the data.',
    );
  }
  return new UsageError(
    'ERR_LOADER_SHORT',
    `The training loader said ${String(total)} batches an epoch, but ended after ` +
      `${String(run.counters.batchesInEpoch)}. Its batchesPerEpoch must be what iterate() yields.`,
  );
}
