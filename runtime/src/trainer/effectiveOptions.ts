import { OnExceptionCheckpoint } from '../callbacks/onExceptionCheckpoint.ts';
import type { ResolvedTrainerOptions } from './trainerOptions.ts';

/** Options after `fast_dev_run`, `overfit_batches` and `barebones` have had their say. */
export function effectiveOptions(options: ResolvedTrainerOptions): ResolvedTrainerOptions {
  return barebones(fastDevRun(overfitBatches(options)));
}

function barebones(options: ResolvedTrainerOptions): ResolvedTrainerOptions {
  if (!options.barebones) return options;
  return {
    ...options,
    callbacks: [],
    logger: false,
    enableProgressBar: false,
    enableCheckpointing: false,
    enableModelSummary: false,
    numSanityValSteps: 0,
    logEveryNSteps: Number.MAX_SAFE_INTEGER,
    profiler: null,
  };
}

function overfitBatches(options: ResolvedTrainerOptions): ResolvedTrainerOptions {
  const { overfitBatches: limit } = options;
  if (limit === null || limit === 0) return { ...options, overfitBatches: null };
  return { ...options, limitTrainBatches: limit, limitValBatches: limit };
}

function fastDevRun(options: ResolvedTrainerOptions): ResolvedTrainerOptions {
  const batches = Number(options.fastDevRun);
  if (batches === 0) return { ...options, fastDevRun: false };
  return {
    ...options,
    maxEpochs: 1,
    maxSteps: batches,
    maxTime: null,
    minEpochs: null,
    minSteps: null,
    limitTrainBatches: batches,
    limitValBatches: batches,
    limitTestBatches: batches,
    limitPredictBatches: batches,
    valCheckInterval: null,
    checkValEveryNEpoch: 1,
    numSanityValSteps: 0,
    validateAtStart: false,
    enableCheckpointing: false,
    logger: false,
    callbacks: options.callbacks.filter(
      (callback) =>
        callback.saving !== true &&
        callback.monitoring !== true &&
        !(callback instanceof OnExceptionCheckpoint),
    ),
  };
}
