import type { JsonObject } from './json.ts';
import type { Stage } from './stage.ts';

/** What a logger is told when a run starts. */
export interface RunInfo {
  readonly name: string;
  /** Absolute path of the run's folder. */
  readonly dir: string;
  /** Updates done before this process: 0, or the step a resumed run goes on from. */
  readonly startStep: number;
}

/** Values measured at one moment. */
export interface MetricsRow {
  /** Optimizer updates done. */
  readonly step: number;
  readonly epoch: number;
  readonly stage: Stage;
  /** Full names, `stage/name`. */
  readonly values: Readonly<Record<string, number>>;
  /** Seconds since the run started, pauses not counted. */
  readonly time: number;
}

/** A file that shows something of a moment: an image grid, a plot. */
export interface MediaItem {
  /** `media/val_inputs/x`. */
  readonly key: string;
  /** Absolute; the file is complete. */
  readonly path: string;
  /** Optimizer updates done. */
  readonly step: number;
  readonly epoch: number;
  readonly stage: Stage;
}

export type RunStatus = 'finished' | 'stopped' | 'paused' | 'interrupted' | 'failed';

/** Where metrics go. Methods that only hand over data return at once; `flush` and `finish` wait. */
export interface Logger {
  readonly name: string;
  start(run: RunInfo): void | Promise<void>;
  logMetrics(row: MetricsRow): void;
  logHyperparameters(values: JsonObject): void;
  /** Told of every picture that is kept in the run's folder. */
  logMedia?(item: MediaItem): void;
  flush(): Promise<void>;
  finish(status: RunStatus): Promise<void>;
  /** Keeps copies of checkpoints elsewhere; called with those of a pause when that was asked for. */
  uploadCheckpoints?(paths: readonly string[]): Promise<void>;
  /** How far it is, for checkpoints; taken after `flush`. */
  stateDict?(): JsonObject;
  /** Called before `start` when a run is resumed. */
  loadStateDict?(state: JsonObject): void;
}
