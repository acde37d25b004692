import type { Rng } from '../random/rng.ts';
import type { Counters } from './counters.ts';
import type { Json, JsonObject } from './json.ts';
import type { Logger } from './logger.ts';
import type { LatestMetric } from './metricStore.ts';
import type { Terminal } from './ports.ts';
import type { RunKind, Stage } from './stage.ts';
import type { TrainModule } from './trainModule.ts';
import type { RunPlan } from './runPlan.ts';

/** One parameter group of an optimizer as callbacks see it. */
export interface OptimizerGroupView {
  readonly optimizer: string;
  readonly group: string;
  readonly lr: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
}

/** Options of `saveCheckpoint`. */
export interface SaveOptions {
  /** Leaves optimizer state out; such a file cannot resume a run, only give weights. */
  weightsOnly?: boolean;
  /** What the file is for; shown by `inspect` and kept in the index. */
  kind?: 'best' | 'last' | 'periodic' | 'pause' | 'exception' | 'manual';
  /** Monitored values at this moment, for the index beside the file. */
  monitors?: Record<string, number>;
}

/** The view of a run that callbacks and modules get. */
export interface TrainerContext {
  readonly kind: RunKind;
  readonly stage: Stage;
  readonly module: TrainModule;
  readonly counters: Readonly<Counters>;
  /** Optimizer updates done: `counters.updates.completed`. */
  readonly globalStep: number;
  /** Zero-based. */
  readonly currentEpoch: number;
  /** When this run validates, logs and stops; made once before training. Null outside fit. */
  readonly plan: RunPlan | null;
  /** Last known value of every metric, with the update and stage it comes from. */
  readonly metrics: ReadonlyMap<string, LatestMetric>;
  /** Names that were logged with `progBar`. */
  readonly progressBarMetrics: ReadonlySet<string>;
  /** Absolute path of this run's folder. */
  readonly runDir: string;
  readonly loggers: readonly Logger[];
  readonly optimizers: readonly OptimizerGroupView[];
  /** Norm of the last update's gradients before clipping. */
  readonly gradientNorm: number | null;
  readonly terminal: Terminal;
  /** The merged config of the run, when it came from one. */
  readonly config: Json;
  readonly rng: Rng;
  /** Batches of the running evaluation or prediction stage, per loader; null when unknown. */
  readonly evaluationBatches: Readonly<Record<string, number | null>> | null;
  /** Values computed by callbacks (learning rate, throughput): go to loggers like logged metrics. */
  logValues(values: Readonly<Record<string, number>>): void;
  /** Writes a checkpoint of this moment; resolves when the file is safely on disk. */
  saveCheckpoint(path: string, options?: SaveOptions): Promise<void>;
  /** Path of the best checkpoint so far, if a callback keeps one. */
  bestCheckpoint(): string | null;
  /** Ends training after the current update, with the reason in the summary. */
  requestStop(reason: string): void;
  /** Saves and ends after the current update so that the run can be resumed. */
  requestPause(reason: string): void;
}

/** What the trainer hands out about a finished run. */
export interface RunSummaryNote {
  readonly title: string;
  readonly lines: readonly string[];
  readonly data?: JsonObject;
}
