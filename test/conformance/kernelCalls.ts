import * as tf from '@tensorflow/tfjs-core';
import { counters } from '../../runtime/src/engine/counters.ts';

/** How the calls of one kernel were served. */
export interface Calls {
  /** Recorded into a graph. */
  lowered: number;
  /** Computed by the `cpu` back end's JavaScript. */
  fallback: number;
  /** Neither: they share data, or fail on purpose. */
  other: number;
}

/** Calls by kernel, since `countKernelCalls`. */
export const kernelCalls: Record<string, Calls> = {};

/** Puts a counter around every kernel of a back end. */
export function countKernelCalls(backendName: string): void {
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend(backendName)) {
    const calls = (kernelCalls[kernelName] = { lowered: 0, fallback: 0, other: 0 });
    const counted: tf.KernelFunc = (call) => {
      const [recorded, fallbacks] = [counters.recorded, counters.fallbacks[kernelName]];
      try {
        return kernelFunc(call);
      } finally {
        if (counters.fallbacks[kernelName] !== fallbacks) calls.fallback++;
        else if (counters.recorded !== recorded) calls.lowered++;
        else calls.other++;
      }
    };
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ kernelName, backendName, kernelFunc: counted });
  }
}
