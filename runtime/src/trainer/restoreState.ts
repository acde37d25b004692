import * as tf from '@tensorflow/tfjs-core';
import type { Checkpoint } from '../checkpoint/contents.ts';
import { decodeState, encodeState } from '../checkpoint/stateJson.ts';
import { callbackId } from '../core/callback.ts';
import { loadCounters } from '../core/counters.ts';
import type { JsonObject } from '../core/json.ts';
import type { Loader } from '../core/loader.ts';
import type { NamedParameter } from '../core/parameters.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { restoreLoader, type LoaderState } from '../data/loader/loaderState.ts';
import { UsageError } from '../errors.ts';
import type { SavedParts } from './captureState.ts';
import type { RestorePart } from './restoreParts.ts';
import type { Run } from './run.ts';

/**
 * Puts a checkpoint's weights into the module.
 * @throws UsageError ERR_RESUME_PARAMETERS naming each parameter that does not fit
 */
export function restoreWeights(
  parameters: readonly NamedParameter[],
  checkpoint: Checkpoint,
): void {
  const problems = parameterProblems(parameters, checkpoint);
  if (problems.length > 0) {
    throw new UsageError(
      'ERR_RESUME_PARAMETERS',
      `${checkpoint.path} does not fit this module:\n  ${problems.join('\n  ')}\n` +
        'Use the module options that the checkpoint was made with, or begin a new run with the ' +
        'weights that fit: --restore matching_weights.',
    );
  }
  assignWeights(parameters, checkpoint);
}

/** Takes the weights whose name and shape fit. @returns what does not, a line each */
export function restoreMatchingWeights(
  parameters: readonly NamedParameter[],
  checkpoint: Checkpoint,
): string[] {
  assignWeights(parameters, checkpoint);
  return parameterProblems(parameters, checkpoint);
}

function assignWeights(parameters: readonly NamedParameter[], { tensors }: Checkpoint): void {
  for (const { name, variable } of parameters) {
    const saved = tensors.get(`model/${name}`);
    if (saved?.shape.join() !== variable.shape.join()) continue;
    const data = saved.data as Float32Array;
    const value = tf.tensor(data.slice(), variable.shape, variable.dtype);
    variable.assign(value);
    value.dispose();
  }
}

/** Puts back what the saved run had frozen: it decides which parameters have optimizer state. */
export function restoreFreezing({ freezing }: TrainModule, { state }: Checkpoint): void {
  const { frozen } = state.module as JsonObject;
  if (Array.isArray(frozen) && state.weightsOnly === false) {
    freezing.loadStateDict(frozen as JsonObject[]);
  }
}

function parameterProblems(
  parameters: readonly NamedParameter[],
  { tensors }: Checkpoint,
): string[] {
  const problems: string[] = [];
  const expected = new Set<string>();
  for (const { name, variable } of parameters) {
    expected.add(`model/${name}`);
    const saved = tensors.get(`model/${name}`);
    if (saved === undefined) problems.push(`"${name}" is not in the checkpoint`);
    else if (saved.shape.join() !== variable.shape.join()) {
      problems.push(
        `"${name}" has shape [${variable.shape.join(', ')}], the checkpoint's has [${saved.shape.join(', ')}]`,
      );
    }
  }
  for (const name of tensors.keys()) {
    if (name.startsWith('model/') && !expected.has(name)) {
      problems.push(`the checkpoint has "${name.slice('model/'.length)}", the module does not`);
    }
  }
  return problems;
}

/**
 * Puts everything else of a checkpoint back: the run goes on where it was saved.
 * @param parts of the checkpoint; null: all
 * @throws UsageError ERR_RESUME_WEIGHTS_ONLY, ERR_RESUME_SEED, ERR_RESUME_BATCH_SIZE,
 *   ERR_DATA_ORDER_CHANGED when the run could not be the same one
 */
export async function restoreProgress(
  run: Run,
  { loader, optimizer }: SavedParts,
  checkpoint: Checkpoint,
  parts: readonly RestorePart[] | null = null,
): Promise<void> {
  const { state, path } = checkpoint;
  const takes = (part: RestorePart): boolean => parts?.includes(part) ?? true;
  if (!takes('optimizer') && !takes('callbacks') && !takes('progress')) return;
  if (state.weightsOnly !== false) {
    throw new UsageError(
      'ERR_RESUME_WEIGHTS_ONLY',
      `${path} holds weights only, so training cannot go on from it. Use a checkpoint saved without weights_only, or begin a new run with its weights: --restore weights.`,
    );
  }
  if (takes('progress')) restorePosition(run, loader, checkpoint);
  if (takes('optimizer')) {
    const notices = optimizer.loadState(state.optimizer as JsonObject, checkpoint.tensors);
    for (const line of notices) run.terminal.line(line);
  }
  if (takes('callbacks')) restoreCallbacks(run, checkpoint);
  // A copy: what hooks do to it is no part of the run.
  await run.hooks.call('onLoadCheckpoint', decodeState(encodeState(state)));
}

function restorePosition(run: Run, loader: Loader, { state, path }: Checkpoint): void {
  requireEqual(path, 'seed', 'ERR_RESUME_SEED', state.seed, run.options.seed);
  requireEqual(path, 'batch_size', 'ERR_RESUME_BATCH_SIZE', state.batchSize, loader.batchSize);
  loadCounters(run.counters, state.counters as JsonObject);
  settleCounters(run);
  run.progress.loadStateDict(state.progress as JsonObject);
  run.progress.position = restoreLoader(loader, state.loader as unknown as LoaderState);
  run.store.loadStateDict(state.metrics as JsonObject);
  run.logs.loadStateDict(state.logs as JsonObject);
}

/** What was under way when the file was saved is either done or will be done again. */
function settleCounters({ counters }: Run): void {
  const { batches, updates, validations, epochs } = counters;
  batches.completed = batches.processed;
  updates.completed = updates.processed;
  for (const progress of [batches, updates, validations]) {
    progress.ready = progress.started = progress.processed = progress.completed;
  }
  epochs.processed = epochs.completed;
}

function restoreCallbacks(
  { callbacks, terminal, module }: Run,
  { state, tensors }: Checkpoint,
): void {
  const states = state.callbacks as JsonObject;
  const unused = new Set(Object.keys(states));
  for (const callback of callbacks) {
    const id = callbackId(callback);
    if (!unused.delete(id)) continue;
    callback.loadStateDict?.(states[id] as JsonObject);
    callback.loadStateTensors?.(tensors, module);
  }
  if (unused.size === 0) return;
  terminal.line(
    `Note: the checkpoint has the state of callbacks that are not used now: ${[...unused].join(', ')}.`,
  );
}

function requireEqual(
  path: string,
  what: string,
  code: string,
  saved: unknown,
  current: number,
): void {
  if (saved === current) return;
  throw new UsageError(
    code,
    `${path} was saved with ${what} ${String(saved)}, this run has ${String(current)}: it would not be ` +
      `the same run. Set ${what} back to ${String(saved)}, or begin a new run from what is in it: --restore weights,optimizer.`,
  );
}
