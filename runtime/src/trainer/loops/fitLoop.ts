import type { Loader } from '../../core/loader.ts';
import type { Run } from '../run.ts';
import type { RunEnd } from '../stopRequests.ts';
import { checkWatched } from '../watchedMetrics.ts';
import { evaluate, type EvaluationLoader } from './evaluationLoop.ts';
import type { OptimizerStep } from './optimizerStep.ts';
import { endOf, trainEpoch } from './trainingEpochLoop.ts';

export interface FitLoopParts {
  readonly loader: Loader;
  readonly optimizer: OptimizerStep;
  readonly validation: readonly EvaluationLoader[];
}

/**
 * Trains until the plan ends or somebody asks to stop.
 * @param started called when everybody is ready
 * @returns how it ended; after a pause or interrupt the run can be saved and resumed right there
 */
export async function trainToEnd(
  run: Run,
  parts: FitLoopParts,
  started: () => void,
): Promise<RunEnd> {
  const epochParts = { ...parts, validate: () => validate(run, parts) };
  await run.hooks.call('onTrainStart');
  started();
  if (run.options.validateAtStart && isFresh(run)) await validate(run, parts);
  run.store.enter('train');
  run.module.setTraining(true);
  let end = run.requests.leavingAt('update');
  while (end === null) {
    end = run.progress.phase === 'epochStart' ? endOf(run) : null;
    end ??= await trainEpoch(run, epochParts);
  }
  return end;
}

/** Tries validation before training; nothing of it is kept or logged. */
export async function sanityCheck(run: Run, validation: FitLoopParts['validation']): Promise<void> {
  const steps = run.options.numSanityValSteps;
  if (steps === 0 || validation.length === 0 || run.options.fastDevRun !== false) return;
  if (!isFresh(run)) return;
  const loaders = validation.map((source) => ({
    ...source,
    batches: steps === -1 ? source.batches : Math.min(steps, source.batches ?? steps),
  }));
  run.hooks.sanity = true;
  try {
    await run.withThrowawayMetrics(async () => {
      run.stage = 'sanity';
      await run.hooks.call('onSanityCheckStart');
      await evaluate(run, { stage: 'sanity', loaders });
      checkWatched(run);
      await run.hooks.call('onSanityCheckEnd');
    });
  } finally {
    run.hooks.sanity = false;
    run.stage = 'train';
  }
}

/** One validation pass; false when it was given up because the run is leaving. */
async function validate(run: Run, { validation, optimizer }: FitLoopParts): Promise<boolean> {
  const { validations } = run.counters;
  if (validation.length === 0) return true;
  validations.ready++;
  validations.started++;
  const metrics = await evaluate(run, {
    stage: 'validate',
    loaders: validation,
    onMetrics: () => {
      validations.processed++;
      validations.completed++;
      run.progress.validatedAt = run.seconds;
      if (run.progress.phase === 'batch') run.progress.phase = 'validated';
      optimizer.observe(run.metrics, run.globalStep, 'validation');
    },
  });
  run.module.setTraining(true);
  return metrics !== null;
}

function isFresh(run: Run): boolean {
  return run.counters.batches.completed === 0 && run.counters.validations.completed === 0;
}
