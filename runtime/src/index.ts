// Errors
export { isUsageError, LightboxError, UsageError } from './errors.ts';

// Random numbers
export { Rng, seedEverything, withKeyedRandom } from './random/index.ts';

// Modules and data
export type { Batch, HostBatch, HostTensor } from './core/batch.ts';
export { DataModule, type PrepareContext } from './core/dataModule.ts';
export type { Json, JsonObject } from './core/json.ts';
export type { LoadedBatch, Loader, Loaders } from './core/loader.ts';
export type { LatestMetric, LogOptions } from './core/metricStore.ts';
export type { NamedParameter } from './core/parameters.ts';
export { TrainModule } from './core/trainModule.ts';
export { layers } from './core/layers/index.ts';

// Optimizers and schedules
export {
  Adam,
  AdamW,
  Optimizer,
  RMSProp,
  SGD,
  type OptimizerConfig,
  type ManualOptimizer,
  type OptimizerRound,
  type SingleOptimizer,
} from './core/optim/index.ts';
export {
  Constant,
  Cosine,
  CosineWarmRestarts,
  Exponential,
  Linear,
  MultiStep,
  OneCycle,
  Polynomial,
  ReduceOnPlateau,
  Step,
  WarmupCosine,
  type Scheduler,
} from './core/schedulers/index.ts';

// Metrics
export {
  Accuracy,
  AUROC,
  ConfusionMatrix,
  F1Score,
  MeanAbsoluteError,
  MeanMetric,
  MeanSquaredError,
  Metric,
  Perplexity,
  Precision,
  R2Score,
  Recall,
  RootMeanSquaredError,
  type MetricResult,
} from './core/metrics/index.ts';

// Trainer
export { formatDuration, parseDuration, type Duration } from './core/duration.ts';
export type { Counters, Progress } from './core/counters.ts';
export { hookNames, type HookArguments, type HookName } from './core/hooks.ts';
export type { Clock, Env, Signals, Terminal } from './core/ports.ts';
export type { RunPlan } from './core/runPlan.ts';
export type { RunKind, Stage } from './core/stage.ts';
export type {
  EndStatus,
  PauseBoundary,
  SaveOptions,
  TrainerContext,
} from './core/trainerContext.ts';
export type { TrainerPorts } from './trainer/ports.ts';
export type { EvaluationResult, FitResult, FitTimings } from './trainer/results.ts';
export { savePredictions } from './trainer/savePredictions.ts';
export { replayDump, type ReplayedDump } from './trainer/stepDump.ts';
export type { RestoreOptions, RestorePart } from './trainer/restoreParts.ts';
export { Trainer, type FitArguments } from './trainer/trainer.ts';
export type { TrainerOptions } from './trainer/trainerOptions.ts';

// Callbacks
export type { Callback } from './core/callback.ts';
export { BackboneFinetuning } from './callbacks/backboneFinetuning.ts';
export {
  BaseVisualizer,
  visualizerOptions,
  type VisualizedSamples,
  type VisualizerOptions,
} from './callbacks/baseVisualizer.ts';
export { CompileCallback } from './callbacks/compile.ts';
export { DeviceStats } from './callbacks/deviceStats.ts';
export { EMA } from './callbacks/ema.ts';
export { EarlyStopping } from './callbacks/earlyStopping.ts';
export { GradientAccumulationScheduler } from './callbacks/gradientAccumulationScheduler.ts';
export { GradientNormMonitor } from './callbacks/gradientNormMonitor.ts';
export { ImageVisualizer } from './callbacks/imageVisualizer.ts';
export { LearningRateMonitor } from './callbacks/learningRateMonitor.ts';
export { ModelCheckpoint } from './callbacks/modelCheckpoint.ts';
export { ModelSummary } from './callbacks/modelSummary.ts';
export { OnExceptionCheckpoint } from './callbacks/onExceptionCheckpoint.ts';
export { FlowProgressBarCallback } from './callbacks/flowProgressBar.ts';
export { PauseCallback } from './callbacks/pause.ts';
export { PredictionDiagnostics } from './callbacks/predictionDiagnostics.ts';
export { ProgressBar } from './callbacks/progressBar.ts';
export { StochasticWeightAveraging } from './callbacks/stochasticWeightAveraging.ts';
export { Throughput } from './callbacks/throughput.ts';
export { Timer } from './callbacks/timer.ts';
export { encodePng, type Picture } from './callbacks/media/encodePng.ts';
export { imageGrid, type GridOptions } from './callbacks/media/imageGrid.ts';

// Loggers
export type { Logger, MediaItem, MetricsRow, RunInfo, RunStatus } from './core/logger.ts';
export { CSVLogger, JSONLLogger } from './loggers/index.ts';

// Checkpoints
export {
  loadFromCheckpoint,
  loadWeights,
  type LoadWeightsOptions,
  type LoadWeightsReport,
} from './checkpoint/loadWeights.ts';
export { readCheckpoint, resolveCheckpoint, type Checkpoint } from './checkpoint/index.ts';

// Operations beyond tfjs's
export { gelu } from './engine/ops/gelu.ts';
export type { GeluApproximation } from './engine/ops/geluOnCpu.ts';
export { layerNorm } from './engine/ops/layerNorm.ts';

// Engine
export {
  engineCounters,
  onNotice,
  selectBackend,
  type Accelerator,
  type BackendInfo,
  type BackendOptions,
  type EngineCounters,
  type EngineNotice,
} from './engine/index.ts';

// Configuration and command line
export {
  Lightbox,
  LightboxCLI,
  runHpo,
  type FitOptions,
  type LightboxCLIOptions,
  type LightboxOptions,
  type ResumeOptions,
} from './cli/index.ts';
export { writeStudyReport } from './tuning/writeStudyReport.ts';
export { ConfigError, extractEmbeddedConfig, translateClassPath } from './config/index.ts';
