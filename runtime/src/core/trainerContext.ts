import type { Rng } from '../random/rng.ts';
import type { Counters } from './counters.ts';
import type { Json } from './json.ts';
import type { Loader } from './loader.ts';
import type { Logger } from './logger.ts';
import type { LatestMetric } from './metricStore.ts';
import type { Clock, Signals, Terminal } from './ports.ts';
import type { ProfilerSummary } from './profiler.ts';
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

/** What a checkpoint is for; kept in the index beside it. */
export type SaveKind = 'best' | 'top' | 'last' | 'periodic' | 'pause' | 'emergency' | 'averaged';

/** Options of `saveCheckpoint`. */
export interface SaveOptions {
  /** Leaves optimizer state out; such a file cannot resume a run, only give weights. */
  readonly weightsOnly?: boolean;
  readonly kinds?: readonly SaveKind[];
  /** The metric that decided, for the kinds `best` and `top`. */
  readonly monitor?: string;
  /** Further file names in the same folder that get the same content. */
  readonly alsoAs?: readonly { readonly file: string; readonly kinds: readonly SaveKind[] }[];
  /** Checkpoints of the same folder to remove, once this one is safely on the disk. */
  readonly removes?: readonly string[];
  /** Resolve once everything is copied and let the disk be written while training goes on. */
  readonly background?: boolean;
  /** Told whether the file got to the disk, with `background` before the next save begins. */
  readonly settled?: (written: boolean) => void;
}

/** Where a requested pause takes place; see `TrainerContext.requestPause`. */
export type PauseBoundary = 'batch' | 'update' | 'validation' | 'epoch';

/** How a run ended without an error. */
export type EndStatus = 'finished' | 'stopped' | 'paused' | 'interrupted';

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
  /** Where training batches come from; null outside fit. */
  readonly trainLoader: Loader | null;
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
  /** Whether the last update's gradients were clipped by their norm; null where they never are. */
  readonly gradientsClipped: boolean | null;
  /**
   * Sum of the squares of each parameter's gradient, by name; in `onBeforeOptimizerStep` those of
   * the coming update before clipping. @param round default: of all optimizers
   */
  gradientSquares(round?: string): ReadonlyMap<string, number>;
  /** Where the time of this process went so far. */
  readonly timings: ProfilerSummary;
  readonly terminal: Terminal;
  readonly signals: Signals;
  readonly clock: Clock;
  /** Seconds of the run so far, those before a resume included. */
  readonly seconds: number;
  /** The merged config of the run, when it came from one. */
  readonly config: Json;
  readonly rng: Rng;
  /** Batches of the running evaluation or prediction stage, per loader; null when unknown. */
  readonly evaluationBatches: Readonly<Record<string, number | null>> | null;
  /**
   * Values computed by callbacks (learning rate, throughput): go to loggers like logged metrics,
   * and like these are thrown away with the sanity check.
   */
  logValues(values: Readonly<Record<string, number>>): void;
  /**
   * Keeps a picture (or other file) of this moment as `<key>/step=<updates>.<extension>` in the
   * run's folder and tells the loggers. @param key such as `media/val_inputs/x`
   * @returns its path, or null where nothing is written (`fast_dev_run`, the sanity check)
   */
  saveMedia(key: string, extension: string, bytes: Uint8Array): Promise<string | null>;
  /** How training ended; null while it goes on. */
  readonly ended: EndStatus | null;
  /**
   * Writes a checkpoint of this moment and returns its path, `.safetensors` added if missing;
   * resolves when the file is safely on disk. Call it from a callback with `saving: true`, whose
   * turn comes when everybody else is done with the batch, validation or epoch. In `fast_dev_run`
   * nothing is written, and a line says so.
   */
  saveCheckpoint(path: string, options?: SaveOptions): Promise<string>;
  /** Removes a checkpoint and its index entry. */
  removeCheckpoint(path: string): Promise<void>;
  /** Path of the best checkpoint so far, if a callback keeps one. */
  bestCheckpoint(): string | null;
  /** Path of the checkpoint that this run saved last. */
  readonly lastCheckpoint: string | null;
  /** Ends training after the current update, with the reason in the summary. */
  requestStop(reason: string): void;
  /**
   * Saves and ends so that the run can be resumed: after the current update, or at the boundary
   * `at`. `batch` may lie inside an accumulation group; `validation` is after the next validation,
   * at the latest at the end of the epoch.
   */
  requestPause(reason: string, at?: PauseBoundary): void;
  /** Takes a pause back that has not happened yet; false when none was asked for. */
  cancelPause(): boolean;
  /** Saves a checkpoint after the current batch, or validation, and goes on. */
  requestSave(): void;
  /** Validates after the current batch; false when there is nothing to validate. */
  requestValidation(): boolean;
}
