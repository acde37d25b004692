import type { CheckpointInfo } from '../checkpoint/contents.ts';
import { copiedBytes } from '../checkpoint/snapshotBuffer.ts';
import type { NamedTensor } from '../checkpoint/tensorData.ts';
import { callbackId } from '../core/callback.ts';
import { countersState } from '../core/counters.ts';
import { isPlainObject, type JsonObject } from '../core/json.ts';
import type { Loader } from '../core/loader.ts';
import type { NamedParameter } from '../core/parameters.ts';
import type { SaveOptions } from '../core/trainerContext.ts';
import { loaderState } from '../data/loader/loaderState.ts';
import { UsageError } from '../errors.ts';
import type { Captured } from './checkpointWriter.ts';
import { addHookState } from './hookState.ts';
import type { LentTensors } from './loops/boundRound.ts';
import type { OptimizerStep } from './loops/optimizerStep.ts';
import { latestValues } from './results.ts';
import type { Run } from './run.ts';
import { packageVersions } from './versions.ts';

/** What a fit saves, beside the run itself. */
export interface SavedParts {
  readonly loader: Loader;
  readonly optimizer: OptimizerStep;
  readonly parameters: readonly NamedParameter[];
}

/**
 * Everything of this moment that a resumed run needs. Tensors share memory with the run: those that
 * are not marked `lent` must be copied before training goes on. The file relies on the rows logged so far,
 * which are on their way to the disk in `after`.
 */
export async function captureState(
  run: Run,
  parts: SavedParts,
  options: SaveOptions,
): Promise<Captured> {
  const weightsOnly = options.weightsOnly === true;
  const state: JsonObject = {
    kinds: [...(options.kinds ?? [])],
    weightsOnly,
    module: {
      name: run.module.constructor.name,
      hparams: run.savedHparams,
      frozen: run.module.freezing.stateDict(),
    },
    ...(weightsOnly ? {} : progressState(run, parts)),
  };
  await addHookState(run, state);
  const info = checkpointInfo(run);
  const after = run.logs.flush();
  // Thrown where it is waited for; without a handler of its own it would end the process.
  after.catch(() => undefined);
  const { tensors, release } = lendTensors(run, parts, options);
  return { contents: { info, state, tensors }, after, release };
}

/**
 * What is copied for a checkpoint of this moment, in bytes, within a megabyte. Takes the memory
 * that lending needs.
 */
export function copiedForCheckpoint(run: Run, parts: SavedParts): number {
  const { tensors, release } = lendTensors(run, parts, {});
  release();
  return copiedBytes(tensors) + 1_000_000;
}

function lendTensors(
  run: Run,
  parts: SavedParts,
  { weightsOnly = false, kinds }: SaveOptions,
): LentTensors {
  const weights = weightTensors(parts);
  // Averages stand alone: no others are to be taken in their place when they are evaluated.
  const savers = kinds?.includes('averaged') === true ? [] : run.callbacks;
  const ofCallbacks = savers.flatMap((callback) => callback.stateTensors?.() ?? []);
  // Last, so that nothing can fail in between and leave it lent.
  const { tensors, release } = weightsOnly ? nothing : parts.optimizer.lendTensors();
  return { tensors: [...weights, ...tensors, ...ofCallbacks], release };
}

const nothing: LentTensors = { tensors: [], release: () => undefined };

function progressState(run: Run, { loader, optimizer }: SavedParts): JsonObject {
  return {
    seed: run.options.seed,
    batchSize: loader.batchSize,
    seconds: run.seconds,
    counters: countersState(run.counters),
    progress: run.progress.stateDict(),
    loader: loaderState(loader, run.progress.position) as unknown as JsonObject,
    metrics: run.lastingStore.stateDict(),
    logs: run.logs.stateDict(),
    optimizer: optimizer.stateDict(),
    callbacks: callbackStates(run),
  };
}

function callbackStates({ callbacks }: Run): JsonObject {
  const states: JsonObject = {};
  for (const callback of callbacks) {
    const state = callback.stateDict?.();
    if (state === undefined) continue;
    const id = callbackId(callback);
    if (Object.hasOwn(states, id)) {
      throw new UsageError(
        'ERR_CALLBACK_ID',
        `Two callbacks have the id "${id}", so a checkpoint cannot keep both states. Give each its own "id".`,
      );
    }
    states[id] = state;
  }
  return states;
}

function checkpointInfo(run: Run): CheckpointInfo {
  return {
    step: run.globalStep,
    epoch: run.currentEpoch,
    metrics: latestValues({ metrics: run.lastingStore.latest }),
    versions: packageVersions(),
    config: isPlainObject(run.config) ? run.config : null,
  };
}

/** Weights straight from the arena where they live there, other variables by reading them. */
function weightTensors({ parameters, optimizer }: SavedParts): NamedTensor[] {
  const views = optimizer.weightViews();
  return parameters.map(({ name, variable }) => ({
    name: `model/${name}`,
    shape: variable.shape,
    data: views.get(name) ?? variable.dataSync(),
  }));
}
