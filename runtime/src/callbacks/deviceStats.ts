import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { engineCounters } from '../engine/index.ts';

const schema = z.strictObject({
  everyNUpdates: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe('Updates between two values. Default: whenever training values are logged.'),
});

export type DeviceStatsOptions = z.input<typeof schema>;

/**
 * Logs what the machine and the engine hold: `device/tensors` and `/tensor_mb`, `/sessions` and
 * `/session_mb` (compiled graphs), `/heap_mb`, `/external_mb` (memory of typed arrays), and of the
 * whole machine `/load` (running processes over cores, of the last minute) and `/memory_percent`.
 * Numbers of tensors that grow from row to row are a leak.
 */
export class DeviceStats implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  #update = 0;

  constructor(options: DeviceStatsOptions = {}) {
    this.#options = parseOptions(schema, options, 'DeviceStats');
  }

  onTrainStart({ globalStep }: TrainerContext): void {
    this.#update = globalStep;
  }

  onTrainBatchEnd(context: TrainerContext): void {
    const { globalStep } = context;
    if (globalStep === this.#update) return;
    this.#update = globalStep;
    const every = this.#options.everyNUpdates ?? context.plan?.logEveryUpdates ?? 1;
    if (globalStep % every === 0) context.logValues(deviceStats());
  }
}

function deviceStats(): Record<string, number> {
  const { numTensors, numBytes } = tf.memory();
  const { sessions, sessionBytes } = engineCounters();
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return {
    'device/tensors': numTensors,
    'device/tensor_mb': numBytes / 1e6,
    'device/sessions': sessions,
    'device/session_mb': sessionBytes / 1e6,
    'device/heap_mb': heap / 1e6,
    'device/external_mb': external / 1e6,
    'device/load': loadavg()[0] / availableParallelism(),
    'device/memory_percent': 100 * (1 - freemem() / totalmem()),
  };
}
