import * as tf from '@tensorflow/tfjs-core';
import { OrtBackend } from './ort/backend.ts';

/** A tensor to evaluate and the place its float32 values go. */
export interface MaterializeRequest {
  readonly tensor: tf.Tensor;
  /** Exactly `tensor.size` elements; on `ort` it is written by the native code directly. */
  readonly into: Float32Array;
}

/** True when the active tfjs back end is the recording one. */
export function isOrt(): boolean {
  return activeOrt() !== undefined;
}

/**
 * Evaluates what is pending and writes the requested float32 tensors into the given views.
 * Everything else that live tensors still need is computed in the same run. On `ort` a tensor that
 * was pending keeps its view as storage: dispose it before the view is written again.
 * On other back ends the values are copied.
 */
export function materialize(requests: readonly MaterializeRequest[]): void {
  const backend = activeOrt();
  if (backend === undefined) {
    for (const { tensor, into } of requests) into.set(tensor.dataSync());
  } else {
    backend.materialize(requests);
  }
}

/** Evaluates every pending node that a live tensor still needs; nothing on other back ends. */
export function flushPending(): void {
  activeOrt()?.flush();
}

/**
 * Copies the variable's value into `view` and, on `ort`, makes the view its storage: graphs then
 * read the view itself, so that whoever writes into it changes the variable. Call
 * `prepareInPlaceWrite` before each such write. On other back ends only the copy is made.
 *
 * @param view `variable.size` floats that stay valid as long as the variable lives
 */
export function adoptView(variable: tf.Variable, view: Float32Array): void {
  if (holdsView(variable, view)) return;
  view.set(variable.dataSync());
  const backend = activeOrt();
  if (backend !== undefined) assignStorage(backend, variable, view);
}

/** Whether `view` is the variable's storage (false after `variable.assign`, or off `ort`). */
export function holdsView(variable: tf.Variable, view: Float32Array): boolean {
  const values = activeOrt()?.valuesOf(variable.dataId);
  return (
    values !== undefined &&
    values.buffer === view.buffer &&
    values.byteOffset === view.byteOffset &&
    values.length === view.length
  );
}

/**
 * Makes it safe to write into the storage of these variables: pending nodes that read it are
 * evaluated, and tensors that share it (clones, reshapes, `getWeights()`) get a copy of their
 * own. Does nothing on other back ends, where variables are assigned instead.
 */
export function prepareInPlaceWrite(variables: readonly tf.Variable[]): void {
  const backend = activeOrt();
  if (backend === undefined) return;
  backend.flushReaders(variables.map((variable) => variable.dataId));
  for (const variable of variables) {
    if (backend.refCount(variable.dataId) > 1) giveAliasesACopy(backend, variable);
  }
}

/**
 * What `variable` holds now, as a tensor: `variable.clone()` in a fifth of the time, for those who
 * keep several variables in each step. It outlives scopes; whoever asks disposes it.
 */
export function valueOf(variable: tf.Variable): tf.Tensor {
  const engine = tf.engine();
  engine.backend.incRef(variable.dataId);
  return tf.keep(engine.makeTensorFromTensorInfo(variable));
}

function giveAliasesACopy(backend: OrtBackend, variable: tf.Variable): void {
  const shared = variable.dataId;
  const view = backend.valuesOf(shared);
  if (!(view instanceof Float32Array)) return;
  assignStorage(backend, variable, view);
  backend.replaceValues(shared, view.slice(), false);
}

function assignStorage(backend: OrtBackend, variable: tf.Variable, view: Float32Array): void {
  const holder = tf.tensor(view, variable.shape, 'float32');
  backend.replaceValues(holder.dataId, view, true);
  variable.assign(holder);
  holder.dispose();
}

/** The recording back end, where it is the active one. */
export function activeOrt(): OrtBackend | undefined {
  const backend: unknown = tf.getBackend() === 'ort' ? tf.backend() : undefined;
  return backend instanceof OrtBackend ? backend : undefined;
}
