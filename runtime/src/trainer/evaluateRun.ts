import type { Checkpoint } from '../checkpoint/index.ts';
import type { Loaders } from '../core/loader.ts';
import { UsageError } from '../errors.ts';
import { buildModule } from '../core/buildModule.ts';
import { evaluate, type EvaluationLoader } from './loops/evaluationLoop.ts';
import { restoreWeights } from './restoreState.ts';
import type { EvaluationResult } from './results.ts';
import type { Run } from './run.ts';
import type { Session } from './session.ts';
import { attachLoaders, disposeLoaders, evaluationLoaders } from './trainData.ts';

/** `validate` or `test` inside an open session. */
export async function runEvaluation(
  session: Session,
  loaders: Loaders | undefined,
  checkpoint: Checkpoint | null,
): Promise<EvaluationResult> {
  const { run, backend, guard } = session;
  const stage = run.kind === 'test' ? 'test' : 'validate';
  const sources = openSources(session, loaders);
  prepareWeights(run, checkpoint);
  // Earlier rows of the run stay: nothing is written after this step that would replace them.
  await run.startLogging(Number.MAX_SAFE_INTEGER);
  const metrics = await evaluate(run, { stage, loaders: sources });
  return {
    status: metrics === null ? 'interrupted' : 'finished',
    exitCode: guard.exitCode,
    metrics: metrics ?? {},
    runDir: run.runDir,
    backend,
  };
}

/** Loaders of the session's command after limits, closed again with it. */
export function openSources(session: Session, loaders: Loaders | undefined): EvaluationLoader[] {
  const { kind, options } = session.run;
  const [limit, key] = {
    fit: [options.limitValBatches, 'limit_val_batches'] as const,
    validate: [options.limitValBatches, 'limit_val_batches'] as const,
    test: [options.limitTestBatches, 'limit_test_batches'] as const,
    predict: [options.limitPredictBatches, 'limit_predict_batches'] as const,
  }[kind];
  const sources = evaluationLoaders(loaders, limit, key);
  if (sources.length === 0) {
    const method = kind === 'validate' ? 'valDataloader' : `${kind}Dataloader`;
    throw new UsageError(
      'ERR_NO_DATA',
      `${kind} has no batches: give a dataModule with ${method}(), or a loader; ${key} must not be 0.`,
    );
  }
  const opened = sources.map(({ loader }) => loader);
  attachLoaders(session.run, opened);
  session.defer(() => disposeLoaders(opened));
  return sources;
}

/** Builds the module and puts the checkpoint's weights into it. */
export function prepareWeights(run: Run, checkpoint: Checkpoint | null): void {
  const parameters = buildModule(run.module, run.rng);
  if (checkpoint === null) return;
  restoreWeights(parameters, checkpoint);
  const { path, info } = checkpoint;
  run.terminal.line(`Weights of ${path}: update ${String(info.step)}, epoch ${String(info.epoch)}`);
  for (const callback of run.callbacks) callback.loadForEvaluation?.(checkpoint.tensors, run);
  run.counters.updates.completed = checkpoint.info.step;
  run.counters.epochs.completed = checkpoint.info.epoch;
}
