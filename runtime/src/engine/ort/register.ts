import * as tf from '@tensorflow/tfjs-core';
import { OrtBackend } from './backend.ts';
import type { SessionSettings } from './binding.ts';
import { registerKernels } from './kernels.ts';

let current: SessionSettings | undefined;

/**
 * Registers the `ort` back end and its kernels with tfjs. Called again with other settings, it
 * replaces the back end; tensors that live on the old one are lost, so that this belongs
 * before the first tensor.
 */
export function registerOrt(settings: SessionSettings): void {
  if (current !== undefined && sameSettings(current, settings)) return;
  if (current === undefined) registerKernels();
  else tf.removeBackend('ort');
  current = settings;
  tf.registerBackend('ort', () => new OrtBackend(settings), PRIORITY);
}

/** Whether the back end is registered, with whatever settings. */
export function hasOrt(): boolean {
  return current !== undefined;
}

/** Above tfjs's own back ends, so that it is the default when nothing was selected. */
const PRIORITY = 5;

function sameSettings(a: SessionSettings, b: SessionSettings): boolean {
  return a.threads === b.threads && a.spinning === b.spinning;
}
