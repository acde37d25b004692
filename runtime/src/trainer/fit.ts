import { join } from 'node:path';
import { checkpointsFolder, readCheckpoint, type Checkpoint } from '../checkpoint/index.ts';
import type { Loader } from '../core/loader.ts';
import type { SaveOptions } from '../core/trainerContext.ts';
import { engineCounters, type EngineCounters } from '../engine/index.ts';
import { buildModule } from './buildModule.ts';
import { captureState, type SavedParts } from './captureState.ts';
import { CheckpointWriter } from './checkpointWriter.ts';
import { limitBatches } from './limits.ts';
import type { EvaluationLoader } from './loops/evaluationLoop.ts';
import { sanityCheck, trainToEnd } from './loops/fitLoop.ts';
import { OptimizerStep } from './loops/optimizerStep.ts';
import { makeRunPlan } from './plan.ts';
import type { ResolvedPorts } from './ports.ts';
import { restoreProgress, restoreWeights } from './restoreState.ts';
import type { FitResult, FitTimings } from './results.ts';
import type { Run } from './run.ts';
import type { Session } from './session.ts';
import { signalExitCodes } from './signals.ts';
import type { RunEnd } from './stopRequests.ts';
import { disposeLoaders, evaluationLoaders, trainingLoader, type FitData } from './trainData.ts';

/** A fit inside an open session. */
export async function runFit(
  session: Session,
  data: FitData,
  ckptPath: string | null,
  ports: ResolvedPorts,
): Promise<FitResult> {
  const { run } = session;
  const called = ports.clock.now();
  const engineBefore = engineCounters();
  const { loader, validation } = openData(session, data);
  run.plan = makePlan(run, loader, validation);
  const parameters = buildModule(run.module, run.rng);
  const checkpoint = ckptPath === null ? null : await readCheckpoint(ckptPath);
  if (checkpoint !== null) restoreWeights(parameters, checkpoint);
  const optimizer = new OptimizerStep(run.module, parameters, run.plan, run.options);
  run.optimizer = optimizer;
  session.defer(() => {
    optimizer.dispose();
  });
  const saved: SavedParts = { loader, optimizer, parameters };
  openSaver(session, saved);
  await run.hooks.call('onFitStart');
  if (checkpoint !== null) await resume(run, saved, checkpoint);
  await startLogging(run, session);
  for (const line of run.plan.describe()) run.terminal.line(line);
  await sanityCheck(run, validation);
  const samplesBefore = run.counters.samples;
  const started = ports.clock.now();
  const end = await trainToEnd(run, { loader, optimizer, validation });
  const trainSeconds = (ports.clock.now() - started) / 1000;
  run.ended = end.status;
  if (end.status === 'paused' || end.status === 'interrupted') await savePause(run, end, ports);
  await run.hooks.call('onTrainEnd');
  await run.saver?.settle();
  await run.hooks.call('onFitEnd');
  const timings: FitTimings = {
    secondsToFirstUpdate: run.firstUpdateAt === null ? null : (run.firstUpdateAt - called) / 1000,
    trainSeconds,
    totalSeconds: (ports.clock.now() - called) / 1000,
    samplesPerSecond: trainSeconds > 0 ? (run.counters.samples - samplesBefore) / trainSeconds : 0,
  };
  return fitResult(session, end, timings, engineBefore);
}

function openData(
  session: Session,
  data: FitData,
): { loader: Loader; validation: EvaluationLoader[] } {
  const { options } = session.run;
  const opened: Loader[] = [];
  session.defer(() => disposeLoaders(opened));
  const loader = trainingLoader(data);
  opened.push(loader);
  const loaders = data.valLoader ?? data.dataModule?.valDataloader?.();
  const validates = session.run.module.validationStep !== undefined;
  const validation = validates
    ? evaluationLoaders(loaders, options.limitValBatches, 'limit_val_batches')
    : [];
  opened.push(...validation.map((source) => source.loader));
  for (const line of data.dataModule?.describe?.() ?? []) session.run.terminal.line(line);
  return { loader, validation };
}

function makePlan(run: Run, loader: Loader, validation: readonly EvaluationLoader[]) {
  const { options } = run;
  return makeRunPlan(options, {
    batchesPerEpoch: limitBatches(
      loader.batchesPerEpoch,
      options.limitTrainBatches,
      'limit_train_batches',
    ),
    batchSize: loader.batchSize,
    validates: validation.length > 0,
    secondsSinceValidation: () => run.seconds - run.progress.validatedAt,
  });
}

function openSaver(session: Session, saved: SavedParts): void {
  const { run } = session;
  const writer = new CheckpointWriter((options: SaveOptions) => captureState(run, saved, options));
  run.saver = writer;
  session.defer(async () => {
    await writer.settle();
    run.saver = null;
  });
}

async function resume(run: Run, saved: SavedParts, checkpoint: Checkpoint): Promise<void> {
  await restoreProgress(run, saved, checkpoint);
  run.lastCheckpoint = checkpoint.path;
  run.terminal.line(
    `Resumed from ${checkpoint.path}: update ${String(run.globalStep)}, epoch ${String(run.currentEpoch)}`,
  );
}

async function startLogging(run: Run, { run: { runDir } }: Session): Promise<void> {
  const info = { name: run.options.runName ?? runDir, dir: runDir, startStep: run.globalStep };
  await run.logs.start(info, run.module.hparams);
}

async function savePause(run: Run, end: RunEnd, { resumeHint }: ResolvedPorts): Promise<void> {
  const name = end.status === 'paused' ? 'pause' : 'interrupt';
  const path = await run.saveCheckpoint(
    join(run.runDir, checkpointsFolder, `${name}-step=${String(run.globalStep)}`),
    { kinds: ['pause'] },
  );
  run.terminal.line(`Saved ${path}`);
  if (resumeHint !== undefined) run.terminal.line(`Resume with: ${resumeHint(path)}`);
}

function fitResult(
  { run, backend, guard }: Session,
  end: RunEnd,
  timings: FitTimings,
  engineBefore: EngineCounters,
): FitResult {
  return {
    ...end,
    exitCode: guard.signal === null ? 0 : (signalExitCodes[guard.signal] ?? 1),
    metrics: Object.fromEntries([...run.metrics].map(([key, { value }]) => [key, value])),
    bestCheckpoint: run.bestCheckpoint(),
    lastCheckpoint: run.lastCheckpoint,
    counters: structuredClone(run.counters),
    timings,
    runDir: run.runDir,
    backend,
    engine: since(engineBefore, engineCounters()),
  };
}

/** Counts of this call; `sessions` and `sessionBytes` describe the present. */
function since(before: EngineCounters, after: EngineCounters): EngineCounters {
  const fallbacks = Object.fromEntries(
    Object.entries(after.fallbacks)
      .map(([kernel, runs]): [string, number] => [kernel, runs - (before.fallbacks[kernel] ?? 0)])
      .filter(([, runs]) => runs > 0),
  );
  return {
    ...after,
    compilations: after.compilations - before.compilations,
    hits: after.hits - before.hits,
    misses: after.misses - before.misses,
    evictions: after.evictions - before.evictions,
    runs: after.runs - before.runs,
    recorded: after.recorded - before.recorded,
    fallbacks,
  };
}
