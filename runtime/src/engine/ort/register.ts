import * as tf from '@tensorflow/tfjs-core';
import { encodeModel } from '../onnx/encodeModel.ts';
import { GraphBuilder } from '../onnx/graphBuilder.ts';
import { OrtBackend } from './backend.ts';
import { createSession } from './binding.ts';
import { registerKernels } from './kernels.ts';
import type { CacheSettings } from './sessionCache.ts';

/** Above tfjs's own back ends, so that it is the default when nothing was selected. */
const PRIORITY = 5;

let current: CacheSettings | undefined;

/**
 * Registers the `ort` back end and its kernels with tfjs. Called again with other settings, it
 * changes those of the back end: its tensors stay, its sessions are compiled anew.
 */
export function registerOrt(settings: CacheSettings): void {
  const previous = current;
  current = settings;
  if (previous === undefined) {
    registerKernels();
    startRuntime();
    tf.registerBackend('ort', () => new OrtBackend(current ?? settings), PRIORITY);
  } else if (!isSame(previous, settings)) {
    const backend: unknown = tf.findBackend('ort');
    if (backend instanceof OrtBackend) backend.configure(settings);
  }
}

function isSame(a: CacheSettings, b: CacheSettings): boolean {
  const sameProvider = (a.provider ?? 'cpu') === (b.provider ?? 'cpu');
  return a.threads === b.threads && a.spinning === b.spinning && sameProvider;
}

/** Whether the back end is registered, with whatever settings. */
export function hasOrt(): boolean {
  return current !== undefined;
}

/** From the first session on this thread computes as ONNX Runtime's do, wherever a run begins. */
function startRuntime(): void {
  const graph = new GraphBuilder();
  const value = graph.elementwise('Neg', [graph.input('x', 'float32', [1])], [1]);
  const model = encodeModel(graph.finish([{ name: 'y', value }]));
  createSession(model, { threads: 1, spinning: false }).dispose();
}
