import { buildRun } from '../config/buildRun.ts';
import type { PreparedConfig } from '../config/prepare.ts';
import type { Callback } from '../core/callback.ts';
import type { Terminal } from '../core/ports.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { Trainer } from '../trainer/trainer.ts';

/** What a few updates with one batch size have shown. */
export interface BatchSizeMeasure {
  readonly samplesPerSecond: number;
  /** Samples in the batches that came: fewer than asked for when the data has no more. */
  readonly samplesPerBatch: number;
  /** Most memory that the process ever had, in bytes. */
  readonly peakBytes: number;
}

/** Updates before the clock starts: the first ones compile and allocate. */
export const warmUpUpdates = 2;

/**
 * Trains `warmUpUpdates` and some more updates and measures the latter.
 * @param config limited to those updates and without everything that writes
 * @param peakBytes asks the process for its memory
 */
export async function measureBatchSize(
  config: PreparedConfig,
  terminal: Terminal,
  peakBytes: () => number,
): Promise<BatchSizeMeasure> {
  const { module, dataModule, trainerOptions } = await buildRun(config);
  const watch = new SpeedWatch();
  const trainer = new Trainer({ ...trainerOptions, callbacks: [watch] }, { terminal });
  await trainer.fit({ module, dataModule });
  return { ...watch.result(), peakBytes: peakBytes() };
}

/** The median of the times from update to update: a single pause of the machine says nothing. */
class SpeedWatch implements Callback {
  readonly id = 'lightbox.tune';
  readonly #times: number[] = [];
  #first: { samples: number; batches: number } | null = null;
  #samples = 0;
  #updates = 0;

  onTrainBatchEnd({ clock, counters, globalStep }: TrainerContext): void {
    const batches = counters.batches.processed;
    this.#first ??= { samples: counters.samples, batches: Math.max(1, batches) };
    this.#samples = counters.samples;
    if (globalStep > this.#updates) this.#times.push(clock.now());
    this.#updates = globalStep;
  }

  result(): Omit<BatchSizeMeasure, 'peakBytes'> {
    const first = Math.max(1, warmUpUpdates - 1);
    const times = this.#times
      .slice(first)
      .map((time, index) => time - this.#times[first + index - 1]);
    const median = times.toSorted((a, b) => a - b).at(Math.floor(times.length / 2)) ?? Infinity;
    const perUpdate = this.#samples / Math.max(1, this.#updates);
    const samplesPerBatch = this.#first === null ? 0 : this.#first.samples / this.#first.batches;
    return { samplesPerSecond: (1000 * perUpdate) / median, samplesPerBatch };
  }
}
