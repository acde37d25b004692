/** What is trained: its cost is the same in the bare loop and under the trainer. */
export interface Workload {
  /** Units of each layer, the input first. */
  readonly sizes: readonly number[];
  readonly batchSize: number;
  /**
   * Updates before the measured ones: enough for the engine's compiler, which starts over each run.
   * Python, which has none, has fewer.
   */
  readonly warmUp: number;
  readonly updates: number;
  /** Runs of each subject of this package in a round. */
  readonly turns: number;
  /** The same for runs beside the bare loop, an update each in turn. */
  readonly inTurn: { readonly warmUp: number; readonly updates: number };
}

export type WorkloadName = 'tiny' | 'mlp';

/** bench/python/trainer.py has the same ones, but for warm-up and turns. */
export const workloads: Record<WorkloadName, Workload> = {
  tiny: {
    sizes: [8, 16, 1],
    batchSize: 16,
    warmUp: 4000,
    updates: 400,
    turns: 2,
    inTurn: { warmUp: 4000, updates: 2000 },
  },
  mlp: {
    sizes: [784, 512, 256, 10],
    batchSize: 128,
    warmUp: 20,
    updates: 100,
    turns: 1,
    inTurn: { warmUp: 1000, updates: 1000 },
  },
};

/** The loop, the trainer, and one feature after the other on top; then the trainer's defaults, and all with replayed steps. */
export const subjects = [
  'bare-loop',
  'trainer',
  '+logging',
  '+bar',
  '+checkpoint',
  '+pause',
  'default',
  'replayed',
] as const;
export type Subject = (typeof subjects)[number];
