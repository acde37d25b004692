import type * as tf from '@tensorflow/tfjs-core';
import { newCounters, type Counters } from '../core/counters.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Loader } from '../core/loader.ts';
import type { Logger } from '../core/logger.ts';
import { collectMetrics } from '../core/metrics/collectMetrics.ts';
import type { Metric } from '../core/metrics/metric.ts';
import { MetricStore, type LatestMetric, type LogOptions } from '../core/metricStore.ts';
import type { Clock, Signals, Terminal } from '../core/ports.ts';
import type { Profiler, ProfilerSummary } from '../core/profiler.ts';
import type { RunPlan } from '../core/runPlan.ts';
import { withoutSecretOptions } from '../core/secrets.ts';
import type { RunKind, Stage } from '../core/stage.ts';
import type {
  EndStatus,
  OptimizerGroupView,
  PauseBoundary,
  SaveOptions,
  TrainerContext,
} from '../core/trainerContext.ts';
import type { LogSink, TrainModule } from '../core/trainModule.ts';
import { LightboxError } from '../errors.ts';
import { Rng } from '../random/index.ts';
import { HookDispatcher } from './hookDispatcher.ts';
import type { CheckpointWriter } from './checkpointWriter.ts';
import { FitProgress } from './fitProgress.ts';
import type { CompiledSteps } from './loops/compiledSteps.ts';
import { KeptBuffers } from './loops/keptBuffers.ts';
import { NanGuard } from './loops/nanGuard.ts';
import type { OptimizerStep } from './loops/optimizerStep.ts';
import { writeMedia } from './mediaFile.ts';
import type { RowPlace, RunLogs } from './runLogs.ts';
import { StopRequests } from './stopRequests.ts';
import type { ResolvedTrainerOptions } from './trainerOptions.ts';

/** What a run is made of. */
export interface RunParts {
  readonly kind: RunKind;
  readonly options: ResolvedTrainerOptions;
  readonly module: TrainModule;
  readonly callbacks: ResolvedTrainerOptions['callbacks'];
  readonly logs: RunLogs;
  readonly name: string;
  readonly runDir: string;
  readonly terminal: Terminal;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly profiler: Profiler;
  readonly config: Json;
  /** Values that must reach no file. */
  readonly secrets: readonly string[];
}

/**
 * The state of one run, shared by its loops. Callbacks and modules see it as `TrainerContext`,
 * which leaves the writable parts out.
 */
export class Run implements TrainerContext, LogSink {
  readonly kind: RunKind;
  readonly options: ResolvedTrainerOptions;
  readonly module: TrainModule;
  readonly callbacks: ResolvedTrainerOptions['callbacks'];
  readonly logs: RunLogs;
  readonly name: string;
  readonly runDir: string;
  readonly terminal: Terminal;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly profiler: Profiler;
  readonly config: Json;
  readonly hooks: HookDispatcher;
  readonly #secrets: readonly string[];
  readonly rng: Rng;
  readonly requests = new StopRequests();
  readonly progress = new FitProgress();
  readonly nanGuard: NanGuard;
  /** Of the batch under way. */
  readonly buffers: KeptBuffers;
  counters: Counters = newCounters();
  store: MetricStore;
  /** The store that goes into checkpoints; `store` is another one in the sanity check. */
  lastingStore: MetricStore;
  stage: Stage = 'train';
  plan: RunPlan | null = null;
  trainLoader: Loader | null = null;
  optimizer: OptimizerStep | null = null;
  evaluationBatches: Readonly<Record<string, number | null>> | null = null;
  /** Set once there is something to save. */
  saver: CheckpointWriter | null = null;
  ended: EndStatus | null = null;
  /** `clock.now()` after the first update of this process. */
  firstUpdateAt: number | null = null;
  /** Path of the newest checkpoint of this run. */
  lastCheckpoint: string | null = null;
  /** Replays training steps, when a callback wants that and the back end can. */
  compiled: CompiledSteps | null = null;
  /** Whether the batch under way has changed something, so that there is no state to go on from. */
  midUpdate = false;
  /** Whether this fit has anything to validate on. */
  validates = false;
  /** Set by everybody who asks where training stands: a recorded step may depend on it. */
  countersAsked = false;
  /** `performance.now()` when the event loop last had its turn in a loop over batches. */
  breathedAt = 0;
  #started: number;

  constructor(parts: RunParts) {
    this.kind = parts.kind;
    this.options = parts.options;
    this.module = parts.module;
    this.callbacks = parts.callbacks;
    this.logs = parts.logs;
    this.name = parts.name;
    this.runDir = parts.runDir;
    this.terminal = parts.terminal;
    this.signals = parts.signals;
    this.clock = parts.clock;
    this.profiler = parts.profiler;
    this.config = parts.config;
    this.#secrets = parts.secrets;
    this.rng = Rng.fromSeed(parts.options.seed);
    this.nanGuard = new NanGuard(this);
    this.buffers = new KeptBuffers(parts.module);
    this.store = this.#newStore();
    this.lastingStore = this.store;
    this.#started = parts.clock.now();
    const timer = parts.options.profiler === null ? undefined : hookTimer(parts.profiler);
    this.hooks = new HookDispatcher(parts.callbacks, parts.module, this, timer);
  }

  /** Whether this run writes files at all; `fast_dev_run` does not. */
  get keeps(): boolean {
    return this.options.fastDevRun === false;
  }

  get globalStep(): number {
    this.countersAsked = true;
    return this.counters.updates.completed;
  }

  get currentEpoch(): number {
    this.countersAsked = true;
    return this.counters.epochs.completed;
  }

  get metrics(): ReadonlyMap<string, LatestMetric> {
    return this.store.latest;
  }

  get progressBarMetrics(): ReadonlySet<string> {
    return this.store.progressBar;
  }

  get loggers(): readonly Logger[] {
    return this.logs.loggers;
  }

  get optimizers(): readonly OptimizerGroupView[] {
    return this.optimizer?.groups() ?? [];
  }

  get gradientNorm(): number | null {
    return this.optimizer?.gradientNorm ?? null;
  }

  get gradientsClipped(): boolean | null {
    return this.optimizer?.clipped ?? null;
  }

  gradientSquares(round?: string): ReadonlyMap<string, number> {
    return this.optimizer?.gradientSquares(round) ?? new Map();
  }

  get timings(): ProfilerSummary {
    return this.profiler.summary();
  }

  /** Seconds of the run, those before a resume included. */
  get seconds(): number {
    return (this.clock.now() - this.#started) / 1000;
  }

  /** Lets the clock of a resumed run go on where the saved one was. */
  restoreSeconds(seconds: number): void {
    this.#started = this.clock.now() - seconds * 1000;
  }

  /** What a row written now is filed under. */
  get place(): RowPlace {
    return { step: this.globalStep, epoch: this.currentEpoch, time: this.seconds };
  }

  /** Receives what the module logs. */
  log(name: string, value: number | tf.Tensor | Metric, options: LogOptions): void {
    this.store.log(name, value, options);
  }

  logValues(values: Readonly<Record<string, number>>): void {
    // Added ones would wait for the first row of the training.
    if (this.stage !== 'sanity') this.logs.add(values);
    for (const [key, value] of Object.entries(values)) {
      this.store.set(key, value, this.globalStep);
    }
  }

  async saveMedia(key: string, extension: string, bytes: Uint8Array): Promise<string | null> {
    const { runDir: dir, globalStep: step, currentEpoch: epoch, stage, loggers } = this;
    if (!this.keeps || stage === 'sanity') return null;
    const path = await writeMedia({ dir, key, step, extension }, bytes);
    for (const logger of loggers) logger.logMedia?.({ key, path, step, epoch, stage });
    return path;
  }

  async saveCheckpoint(path: string, options: SaveOptions = {}): Promise<string> {
    if (this.saver === null) {
      throw new LightboxError(
        'ERR_SAVE_OUTSIDE_FIT',
        `A checkpoint can be saved while fit trains; this is ${this.kind}, or too early in it.`,
      );
    }
    if (this.midUpdate) {
      throw new LightboxError(
        'ERR_SAVE_MID_UPDATE',
        'A checkpoint cannot be saved in the middle of an update: a run could not go on from ' +
          'there. Save in onTrainBatchEnd or later.',
      );
    }
    const { saver } = this;
    if (!this.keeps) {
      this.terminal.line(`fast_dev_run writes nothing: ${path} is left out.`);
      options.settled?.(false);
      return path;
    }
    return this.profiler.measure('checkpoint', () => saver.save(path, options));
  }

  async removeCheckpoint(path: string): Promise<void> {
    await this.saver?.remove(path);
  }

  /** The module's options as files may have them: without secrets. */
  get savedHparams(): JsonObject {
    return withoutSecretOptions(this.module.hparams, this.#secrets);
  }

  /** @param startStep rows after this update are no longer valid */
  async startLogging(startStep: number): Promise<void> {
    const { runDir: dir, name } = this;
    await this.logs.start({ name, dir, startStep }, this.savedHparams);
  }

  bestCheckpoint(): string | null {
    for (const callback of this.callbacks) {
      if (typeof callback.bestModelPath === 'string') return callback.bestModelPath;
    }
    return null;
  }

  requestStop(reason: string): void {
    this.requests.stop ??= reason;
  }

  requestPause(reason: string, at: PauseBoundary = 'update'): void {
    this.requests.pause ??= { reason, at };
  }

  cancelPause(): boolean {
    const had = this.requests.pause !== null;
    this.requests.pause = null;
    return had;
  }

  requestSave(): void {
    this.requests.save = true;
  }

  requestValidation(): boolean {
    this.requests.validate = this.validates;
    return this.validates;
  }

  /** Runs `body` with a store of its own: nothing it logs stays, in checkpoints neither. */
  async withThrowawayMetrics<T>(body: () => Promise<T>): Promise<T> {
    const { store } = this;
    this.store = this.#newStore();
    try {
      return await body();
    } finally {
      this.store.discardPending();
      this.store = store;
    }
  }

  #newStore(): MetricStore {
    return new MetricStore(() => collectMetrics(this.module));
  }
}

function hookTimer(profiler: Profiler) {
  return (owner: string, hook: string, run: () => unknown): unknown =>
    profiler.timeHook(`${owner}.${hook}`, run);
}
