import * as tf from '@tensorflow/tfjs-core';
import { cloneTensors, disposeBatch, toTensors } from '../../core/batch.ts';
import type { LoadedBatch, Loader } from '../../core/loader.ts';
import { UsageError } from '../../errors.ts';
import { withKeyedRandom } from '../../random/index.ts';
import type { Run } from '../run.ts';
import { breathe } from './breathe.ts';

/** A loader of an evaluation, with the number of its batches that are used. */
export interface EvaluationLoader {
  readonly name: string;
  readonly loader: Loader;
  /** Null: until it ends. */
  readonly batches: number | null;
}

export interface EvaluationOptions {
  readonly stage: 'sanity' | 'validate' | 'test';
  readonly loaders: readonly EvaluationLoader[];
  /** Called when the values are final, before the last hooks. */
  readonly onMetrics?: (metrics: Readonly<Record<string, number>>) => void;
}

/**
 * One pass over all loaders.
 * @returns means by full name, or null when the pass was given up because the run is leaving
 */
export async function evaluate(
  run: Run,
  { stage, loaders, onMetrics }: EvaluationOptions,
): Promise<Record<string, number> | null> {
  const hooks = stage === 'test' ? testHooks : validationHooks;
  const before = run.stage;
  run.profiler.enter('validation');
  run.stage = stage;
  run.evaluationBatches = Object.fromEntries(loaders.map(({ name, batches }) => [name, batches]));
  run.module.setTraining(false);
  run.store.resetEpoch(stage);
  try {
    await run.hooks.call(hooks.start);
    await run.hooks.call(hooks.epochStart);
    for (const loader of loaders) {
      if (!(await passOver(run, stage, loader))) return null;
    }
    run.store.enter(stage);
    run.store.finishEpoch(stage, run.globalStep);
    await run.hooks.ordinary(hooks.epochEnd);
    run.store.settle(1, run.globalStep);
    const metrics = run.store.finishEpoch(stage, run.globalStep);
    onMetrics?.(metrics);
    await run.hooks.monitoring(hooks.epochEnd);
    await run.hooks.ordinary(hooks.end);
    if (stage !== 'sanity') run.logs.writeEpoch(stage, metrics, run.place);
    await run.hooks.monitoring(hooks.end);
    return metrics;
  } finally {
    run.profiler.leave('validation');
    run.store.discardPending();
    run.stage = before;
    run.evaluationBatches = null;
    run.store.enter(before);
  }
}

const validationHooks = {
  start: 'onValidationStart',
  epochStart: 'onValidationEpochStart',
  batchStart: 'onValidationBatchStart',
  batchEnd: 'onValidationBatchEnd',
  epochEnd: 'onValidationEpochEnd',
  end: 'onValidationEnd',
} as const;

const testHooks = {
  start: 'onTestStart',
  epochStart: 'onTestEpochStart',
  batchStart: 'onTestBatchStart',
  batchEnd: 'onTestBatchEnd',
  epochEnd: 'onTestEpochEnd',
  end: 'onTestEnd',
} as const;

type Stage = EvaluationOptions['stage'];

async function passOver(run: Run, stage: Stage, source: EvaluationLoader): Promise<boolean> {
  const { name, loader, batches } = source;
  if (batches === 0) return true;
  const iterator = loader.iterate(0)[Symbol.asyncIterator]();
  run.store.enter(stage, name);
  try {
    for (let index = 0; batches === null || index < batches; index++) {
      const next = await iterator.next();
      if (next.done === true) break;
      await evaluateBatch(run, stage, next.value, index, name);
      const breath = breathe(run);
      if (breath !== undefined) await breath;
      if (run.requests.leavingAt('update') !== null) return false;
    }
    return true;
  } finally {
    await iterator.return?.();
  }
}

async function evaluateBatch(
  run: Run,
  stage: Stage,
  loaded: LoadedBatch,
  index: number,
  loader: string,
): Promise<void> {
  const hooks = stage === 'test' ? testHooks : validationHooks;
  const batch = toTensors(loaded.data);
  let outputs: unknown;
  try {
    await run.hooks.call(hooks.batchStart, batch, index, loader);
    const random = run.rng.fold(stage, run.counters.validations.completed, loader, index);
    outputs = withKeyedRandom(random, () =>
      tf.tidy(() => evaluationStep(run, stage, batch, index, loader) as tf.TensorContainer),
    );
    run.store.settle(loaded.size, run.globalStep);
    await run.hooks.call(hooks.batchEnd, outputs, batch, index, loader);
  } finally {
    disposeBatch(outputs);
    disposeBatch(batch);
    loaded.release?.();
  }
}

function evaluationStep(
  { module }: Run,
  stage: Stage,
  batch: unknown,
  index: number,
  loader: string,
): unknown {
  const name = stage === 'test' ? 'testStep' : 'validationStep';
  if (module[name] === undefined) throw missingStep(module.constructor.name, name);
  const step = module[name].bind(module) as (...args: unknown[]) => unknown;
  const result = step(batch, index, loader);
  // Copies: a step may return the batch's own tensors, or some that it keeps.
  if (!(result instanceof Promise)) return cloneTensors(result);
  throw new UsageError(
    'ERR_STEP_ASYNC',
    `${module.constructor.name}.${name} returned a promise. Steps are synchronous: remove async, and log tensors instead of reading them.`,
  );
}

function missingStep(owner: string, name: string): UsageError {
  return new UsageError(
    'ERR_MODULE_NO_STEP',
    `${owner} has no ${name}(batch, batchIdx). Define it and log its metrics with this.log(name, value).`,
  );
}
