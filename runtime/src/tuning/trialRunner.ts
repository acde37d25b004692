import type { ConfigPatch } from '../hpo/searchSpace.ts';
import type { Direction } from '../hpo/trialState.ts';

/** All that a child process needs to know to run one trial; plain data. */
export interface TrialTask {
  readonly study: string;
  readonly number: number;
  /** Configuration files and dotted overrides, as on the command line. */
  readonly configFiles: readonly string[];
  readonly overrides: readonly string[];
  /** What the search decided, laid over all of these. */
  readonly patch: ConfigPatch;
  /** The trial's own folder; exists. */
  readonly runDir: string;
  readonly threads: number;
  /** The metric to report, such as `val/loss`. */
  readonly monitor: string;
  readonly direction: Direction;
  /** Stop after so many updates, schedules keeping their length; null: the configuration's end. */
  readonly trialSteps: number | null;
  /** Schedules end with `trialSteps`. */
  readonly scaleSchedules: boolean;
  /** Overrides how often is validated ("100 updates"); null: as configured. */
  readonly valInterval: string | null;
  /** A few batches only, to see whether everything runs. */
  readonly testMode: boolean;
  /**
   * The trial ran before and was interrupted: folders in which to look for a checkpoint to
   * continue from, the first that has one counts. Empty for a new trial.
   */
  readonly continues: readonly string[];
}

/** How a running trial talks to the search. */
export interface TrialChannel {
  /**
   * The monitored metric after `step` optimizer updates. On `prune` the trial ends as soon as it
   * can and returns; nothing is reported for sanity checks.
   */
  report(value: number, step: number): Promise<'continue' | 'prune'>;
  /** Aborted when the whole search pauses: save a checkpoint and return `paused`. */
  readonly pause: AbortSignal;
}

/** How a trial ended by itself; everything else is an error that it throws. */
export interface TrialOutcome {
  readonly status: 'finished' | 'paused';
  /** Optimizer updates done. */
  readonly steps: number;
}

/** Runs one trial in this process. */
export type TrialRunner = (task: TrialTask, channel: TrialChannel) => Promise<TrialOutcome>;
