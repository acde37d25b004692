import type * as tf from '@tensorflow/tfjs-core';
import { LightboxError, UsageError } from '../errors.ts';
import type { Batch } from './batch.ts';
import { Freezing } from './freezing.ts';
import { deepFreeze, toJson, type JsonObject } from './json.ts';
import type { Metric } from './metrics/metric.ts';
import type { LogOptions } from './metricStore.ts';
import type { ModuleHooks } from './moduleHooks.ts';
import type { ManualOptimizer } from './optim/manualOptimizer.ts';
import type { OptimizerConfig } from './optim/optimizerConfig.ts';
import { collectParameters, type NamedParameter } from './parameters.ts';
import type { TrainerContext } from './trainerContext.ts';

/** Receives what a module logs; the trainer lends one for each run. */
export interface LogSink {
  log(name: string, value: number | tf.Tensor | Metric, options: LogOptions): void;
}

// Merged into the class: hooks are optional methods of a module too.
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export interface TrainModule extends ModuleHooks {
  /**
   * Metrics of one validation batch, logged with `this.log`. What it returns (tensors in any
   * nesting) goes to `onValidationBatchEnd` of callbacks: predictions for diagnostics and pictures.
   */
  validationStep?(batch: Batch, batchIdx: number, loader: string): unknown;
  testStep?(batch: Batch, batchIdx: number, loader: string): unknown;
  /** Outputs of one batch: tensors in any nesting. Default: `forward(batch)`. */
  predictStep?(batch: Batch, batchIdx: number, loader: string): unknown;
  /** A batch of one, in the shape of `forward`'s input: for the summary, late building and export. */
  exampleInput?(): tf.Tensor | tf.Tensor[];
}

/**
 * A model with its loss and optimizer: Lightning's LightningModule.
 *
 * Subclasses build their weights in the constructor (fields holding `tf.variable`s, layers, models
 * or other modules are found by `parameters()`), and hand their options to `super(...)`: those are
 * `hparams`, saved in every checkpoint.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export abstract class TrainModule {
  /** The constructor's options, plain data only, frozen. */
  readonly hparams: JsonObject;
  /** True inside `trainingStep`: what dropout and batch normalisation ask for. */
  training = false;
  /**
   * False in a subclass: `trainingStep` calls `backward` and `step` of `this.optimizers()` itself.
   * Clipping, schedules, counting and checkpoints work all the same.
   */
  readonly automaticOptimization: boolean = true;
  /** What `freeze` and `unfreeze` left; used by the trainer. */
  readonly freezing = new Freezing();
  #optimizers: readonly ManualOptimizer[] | null = null;
  #context: TrainerContext | null = null;
  #sink: LogSink | null = null;

  constructor(hparams: object = {}) {
    this.hparams = deepFreeze(toJson(hparams) as JsonObject);
  }

  /**
   * The loss of one batch, a scalar tensor; gradients of it train the weights.
   * Runs inside a tidy scope: tensors made here need no disposing.
   * @param round name of the optimizer whose turn it is, when `configureOptimizers` declares
   *   several: the step is run once for each; otherwise `default`, or `manual` with
   *   `automaticOptimization = false`
   */
  abstract trainingStep(batch: Batch, batchIdx: number, round: string): tf.Scalar;

  /** The optimizer (with scheduler), or several as declared rounds. */
  abstract configureOptimizers(): OptimizerConfig;

  /** Outputs for inputs, without loss: used by prediction, export and the summary. */
  forward(_input: unknown): unknown {
    throw new LightboxError(
      'ERR_MODULE_NO_FORWARD',
      `${this.constructor.name} has no forward(); define it for prediction, summary and export.`,
    );
  }

  /**
   * Logs a value under `<stage>/<name>` (`train/loss`, `val/acc`). Tensors are read after the
   * step, so logging never slows it down. A metric object that was updated in this step is logged
   * with its value over the epoch: `this.log('acc', this.accuracy.update(logits, labels))`.
   */
  log(name: string, value: number | tf.Tensor | Metric, options: LogOptions = {}): void {
    this.#sink?.log(name, value, options);
  }

  logDict(values: Record<string, number | tf.Tensor | Metric>, options: LogOptions = {}): void {
    for (const [name, value] of Object.entries(values)) this.log(name, value, options);
  }

  /** All weights under stable names, buffers included. */
  parameters(): NamedParameter[] {
    return this.freezing.apply(collectParameters(this));
  }

  /**
   * Takes parameters out of training: sub-modules (`backbone`), patterns on parameter names
   * (`*.bias`), or everything. Also while training runs: it holds from the next update on, and
   * checkpoints keep it. Modules in a frozen field run as in evaluation: dropout is off, moving
   * statistics stay. Optimizer state of what is frozen waits until it is unfrozen.
   */
  freeze(...patterns: string[]): void {
    this.freezing.add(true, patterns);
  }

  /** Takes `freeze` back for these, or for everything. */
  unfreeze(...patterns: string[]): void {
    this.freezing.add(false, patterns);
  }

  /** The running trainer's view. @throws LightboxError ERR_NO_TRAINER outside a run */
  get trainer(): TrainerContext {
    if (this.#context !== null) return this.#context;
    throw new LightboxError(
      'ERR_NO_TRAINER',
      `${this.constructor.name}.trainer is only there while a trainer runs the module.`,
    );
  }

  /**
   * The optimizers of `configureOptimizers`, in its order, for manual optimization.
   * @throws UsageError ERR_MANUAL_OPTIMIZATION outside `trainingStep`, or without
   *   `automaticOptimization = false`
   */
  optimizers(): readonly ManualOptimizer[] {
    if (this.#optimizers !== null) return this.#optimizers;
    throw new UsageError(
      'ERR_MANUAL_OPTIMIZATION',
      `${this.constructor.name}.optimizers() is for trainingStep of a module with ` +
        '`override readonly automaticOptimization = false`; other modules return their loss.',
    );
  }

  /**
   * Gradients of a loss in manual optimization: `optimizer.backward(loss)`.
   * @param optimizer default: the only one
   * @throws UsageError ERR_MANUAL_OPTIMIZATION when there are several and none is given
   */
  manualBackward(loss: () => tf.Scalar, optimizer?: ManualOptimizer): tf.Scalar {
    const all = this.optimizers();
    if (optimizer !== undefined || all.length === 1) return (optimizer ?? all[0]).backward(loss);
    throw new UsageError(
      'ERR_MANUAL_OPTIMIZATION',
      `${this.constructor.name}.manualBackward: there are several optimizers ` +
        `(${all.map(({ name }) => name).join(', ')}). Pass one: manualBackward(loss, optimizer).`,
    );
  }

  /** Sets `training` here and in every module held by a field. */
  setTraining(training: boolean): void {
    this.training = training;
    for (const [field, value] of Object.entries(this)) {
      for (const inner of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (!(inner instanceof TrainModule)) continue;
        inner.setTraining(training && !this.freezing.isFrozen(field));
      }
    }
  }

  /** Called by the trainer around a fit with manual optimization. */
  lendOptimizers(optimizers: readonly ManualOptimizer[] | null): void {
    this.#optimizers = optimizers;
  }

  /** Called by the trainer around a run. */
  attach(context: TrainerContext | null, sink: LogSink | null): void {
    this.#context = context;
    this.#sink = sink;
  }
}
