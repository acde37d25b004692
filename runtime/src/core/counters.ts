import type { JsonObject } from './json.ts';

/** How far one kind of work is: each number is at least the next one. */
export interface Progress {
  /** About to be worked on (its data is here). */
  ready: number;
  started: number;
  /** The work itself is done, its hooks may still run. */
  processed: number;
  completed: number;
}

/** The counts of a run, kept apart because users and consumers mean different ones. */
export interface Counters {
  /** Training batches, over all epochs. */
  batches: Progress;
  /** Optimizer updates: one a round, however many optimizers. `globalStep` is `updates.completed`. */
  updates: Progress;
  epochs: Progress;
  /** Validation passes, sanity checks not counted. */
  validations: Progress;
  /** Training samples consumed, over all epochs. */
  samples: number;
  /** Training batches of the current epoch that are completed. */
  batchesInEpoch: number;
}

export function newProgress(): Progress {
  return { ready: 0, started: 0, processed: 0, completed: 0 };
}

export function newCounters(): Counters {
  return {
    batches: newProgress(),
    updates: newProgress(),
    epochs: newProgress(),
    validations: newProgress(),
    samples: 0,
    batchesInEpoch: 0,
  };
}

export function countersState(counters: Counters): JsonObject {
  return structuredClone(counters) as unknown as JsonObject;
}

export function loadCounters(counters: Counters, state: JsonObject): void {
  Object.assign(counters, structuredClone(state));
}
