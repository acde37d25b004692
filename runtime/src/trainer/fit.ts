import { dirname, join } from 'node:path';
import { checkpointsFolder, type Checkpoint } from '../checkpoint/index.ts';
import type { Loader } from '../core/loader.ts';
import type { CompileSettings } from '../core/callback.ts';
import type { NamedParameter } from '../core/parameters.ts';
import { paramGroupSchema } from '../core/optim/index.ts';
import type { OptimizerGroupView } from '../core/trainerContext.ts';
import { hookTable, phaseLine, phaseTable } from '../core/profilerText.ts';
import { engineCounters, setDynamicShapes } from '../engine/index.ts';
import { UsageError } from '../errors.ts';
import { countersSince } from './countersSince.ts';
import { buildModule } from '../core/buildModule.ts';
import { captureState, copiedForCheckpoint, type SavedParts } from './captureState.ts';
import { CheckpointWriter } from './checkpointWriter.ts';
import { limitBatches } from './limits.ts';
import { CompiledSteps } from './loops/compiledSteps.ts';
import type { EvaluationLoader } from './loops/evaluationLoop.ts';
import { sanityCheck, trainToEnd } from './loops/fitLoop.ts';
import { ManualOptimization } from './loops/manualOptimization.ts';
import { OptimizerStep, type OptimizerSettings } from './loops/optimizerStep.ts';
import { makeRunPlan } from './plan.ts';
import type { ResolvedPorts } from './ports.ts';
import type { RestoreOptions } from './restoreParts.ts';
import {
  restoreFreezing,
  restoreMatchingWeights,
  restoreProgress,
  restoreWeights,
} from './restoreState.ts';
import { latestValues, type FitResult, type FitTimings } from './results.ts';
import type { Run } from './run.ts';
import type { Session } from './session.ts';
import type { RunEnd } from './stopRequests.ts';
import { noteUnvalidated } from './watchedMetrics.ts';
import {
  attachLoaders,
  disposeLoaders,
  evaluationLoaders,
  trainingLoader,
  type FitData,
} from './trainData.ts';

/** A fit inside an open session. */
export async function runFit(
  session: Session,
  data: FitData,
  checkpoint: Checkpoint | null,
  ports: ResolvedPorts,
  { restore = null, overrideLr = null }: RestoreOptions = {},
): Promise<FitResult> {
  const { run } = session;
  const engineBefore = engineCounters();
  const { loader, validation } = openData(session, data);
  run.plan = makePlan(run, loader, validation);
  run.trainLoader = loader;
  run.validates = validation.length > 0;
  const built = buildModule(run.module, run.rng);
  if (checkpoint !== null) takeWeights(run, built, checkpoint, restore);
  run.module.freezing.check(built);
  const parameters = run.module.parameters();
  const optimizer = new OptimizerStep(run.module, parameters, run.plan, optimizerSettings(run));
  run.optimizer = optimizer;
  lendOptimizers(session, optimizer);
  const compiles = run.callbacks.find((callback) => callback.compiles !== undefined)?.compiles;
  if (compiles !== undefined) {
    setDynamicShapes(compiles.dynamic);
    if (compiles.replay && !run.options.detectAnomaly) compileSteps(run, compiles, parameters);
  }
  session.defer(() => {
    setDynamicShapes(false);
    optimizer.dispose();
  });
  const saved: SavedParts = { loader, optimizer, parameters };
  openSaver(session, saved);
  await run.hooks.call('onFitStart');
  if (checkpoint !== null) await resume(run, saved, checkpoint, restore);
  if (overrideLr !== null) optimizer.overrideLr(overrideLr);
  await run.startLogging(run.globalStep);
  for (const line of run.plan.describe()) run.terminal.line(line);
  if (run.validates) await sanityCheck(run, validation);
  else noteUnvalidated(run);
  // Limits in time are about training, not about what came before it.
  const goesOn = restore === null || restore.includes('progress');
  run.restoreSeconds(checkpoint !== null && goesOn ? Number(checkpoint.state.seconds) : 0);
  const samplesBefore = run.counters.samples;
  const started = ports.clock.now();
  run.profiler.start();
  const end = await trainToEnd(run, { loader, optimizer, validation }, () => {
    if (run.callbacks.some(({ saving }) => saving))
      run.saver?.reserve(copiedForCheckpoint(run, saved));
  });
  run.profiler.stop();
  const trainSeconds = (ports.clock.now() - started) / 1000;
  const samples = run.counters.samples - samplesBefore;
  await finishFit(run, end, ports);
  return {
    ...fitResult(session, end),
    engine: countersSince(engineBefore, engineCounters()),
    timings: {
      ...fitTimings(session, ports),
      trainSeconds,
      samplesPerSecond: trainSeconds > 0 ? samples / trainSeconds : 0,
    },
  };
}

function optimizerSettings(run: Run): OptimizerSettings {
  const { gradientClipVal, gradientClipAlgorithm } = run.options;
  const adjusting = run.callbacks.filter((callback) => callback.learningRate !== undefined);
  const adjustRate = (group: OptimizerGroupView): number =>
    adjusting.reduce(
      (lr, callback) => callback.learningRate?.(run, { ...group, lr }) ?? lr,
      group.lr,
    );
  const groups = run.callbacks.flatMap(({ parameterGroups = [] }) =>
    parameterGroups.map((group) => paramGroupSchema.parse(group)),
  );
  return {
    gradientClipVal,
    gradientClipAlgorithm,
    groups,
    adjustRate: adjusting.length === 0 ? undefined : adjustRate,
  };
}

function lendOptimizers(session: Session, optimizer: OptimizerStep): void {
  const { run } = session;
  if (run.module.automaticOptimization) return;
  if (run.options.onNan === 'dump') throw undumpable(run.module.constructor.name);
  optimizer.manual = new ManualOptimization(run, optimizer.rounds);
  run.module.lendOptimizers(optimizer.manual.optimizers);
  session.defer(() => {
    run.module.lendOptimizers(null);
  });
}

function undumpable(module: string): UsageError {
  return new UsageError(
    'ERR_MANUAL_OPTIMIZATION',
    `on_nan: dump keeps a step to compute it again, and ${module} optimizes manually: a step of it ` +
      'may change weights in the middle. Set on_nan to raise or skip; detect_anomaly names the operation.',
  );
}

function compileSteps(
  run: Run,
  settings: CompileSettings,
  parameters: readonly NamedParameter[],
): void {
  if (run.module.automaticOptimization) {
    run.compiled = new CompiledSteps(run, settings, parameters);
    return;
  }
  run.terminal.line(
    `${run.module.constructor.name} optimizes manually: its steps are recorded anew each time instead of replayed.`,
  );
}

/** The result of a fit that a second signal ended. */
export function forcedResult(session: Session, ports: ResolvedPorts): FitResult {
  const end: RunEnd = {
    status: 'interrupted',
    reason: `${session.guard.signal ?? 'signal'}, twice`,
  };
  return {
    ...fitResult(session, end),
    engine: engineCounters(),
    timings: { ...fitTimings(session, ports), trainSeconds: 0, samplesPerSecond: 0 },
  };
}

async function finishFit(run: Run, end: RunEnd, ports: ResolvedPorts): Promise<void> {
  run.ended = end.status;
  const leaving = end.status === 'paused' || end.status === 'interrupted';
  const saved = leaving && run.keeps ? await savePause(run, end) : null;
  await run.hooks.call('onTrainEnd');
  await run.saver?.settle();
  await run.hooks.call('onFitEnd');
  run.terminal.line(`Training ${end.status}: ${end.reason}`);
  reportTimes(run);
  if (leaving && !run.keeps) run.terminal.line('Not saved: fast_dev_run writes nothing.');
  if (saved === null) return;
  // Last, where it is still on the screen when the prompt is back.
  run.terminal.line(`Saved ${saved}`);
  if (ports.resumeHint !== undefined) {
    run.terminal.line(`Resume with: ${ports.resumeHint(saved)}`);
  }
}

function reportTimes({ profiler, terminal, options }: Run): void {
  const summary = profiler.summary();
  terminal.line(`Time: ${phaseLine(summary)}`);
  if (options.profiler === null) return;
  for (const line of `${phaseTable(summary)}\n\n${hookTable(summary)}`.split('\n')) {
    terminal.line(line);
  }
}

function fitTimings(
  { run, calledAt }: Session,
  { clock }: ResolvedPorts,
): Pick<FitTimings, 'secondsToFirstUpdate' | 'totalSeconds'> {
  const first = run.firstUpdateAt;
  return {
    secondsToFirstUpdate: first === null ? null : (first - calledAt) / 1000,
    totalSeconds: (clock.now() - calledAt) / 1000,
  };
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
  attachLoaders(session.run, opened);
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
    accumulation: run.callbacks.find((callback) => callback.accumulation !== undefined)
      ?.accumulation,
    secondsSinceValidation: () => run.seconds - run.progress.validatedAt,
  });
}

function openSaver(session: Session, saved: SavedParts): void {
  const { run } = session;
  const writer = new CheckpointWriter((options) => captureState(run, saved, options), {
    onError: run.options.onSaveError,
    line: (text) => run.terminal.line(text),
    wrote: (path, { kinds }) => {
      // Averages are a result, not a state that the run could go on from.
      if (kinds?.includes('averaged') !== true) run.lastCheckpoint = path;
    },
  });
  run.saver = writer;
  session.defer(async () => {
    await writer.settle();
    run.saver = null;
  });
}

function takeWeights(
  run: Run,
  built: readonly NamedParameter[],
  checkpoint: Checkpoint,
  restore: RestoreOptions['restore'] = null,
): void {
  if (restore?.includes('matching_weights') === true) {
    const left = restoreMatchingWeights(built, checkpoint);
    if (left.length > 0) {
      run.terminal.line(`Not taken from ${checkpoint.path}:\n  ${left.join('\n  ')}`);
    }
  } else if (restore?.includes('weights') ?? true) {
    restoreWeights(built, checkpoint);
  }
  // What is frozen belongs to the place in training as well as to the optimizer's state.
  if (restore === null || restore.includes('optimizer') || restore.includes('progress')) {
    restoreFreezing(run.module, checkpoint);
  }
}

async function resume(
  run: Run,
  saved: SavedParts,
  checkpoint: Checkpoint,
  restore: RestoreOptions['restore'] = null,
): Promise<void> {
  await restoreProgress(run, saved, checkpoint, restore);
  if (restore !== null && !restore.includes('progress')) {
    run.terminal.line(`Begun with ${restore.join(', ')} of ${checkpoint.path}`);
    return;
  }
  if (run.keeps) {
    run.lastCheckpoint = checkpoint.path;
    await run.saver?.open(dirname(checkpoint.path));
  }
  run.terminal.line(
    `Resumed from ${checkpoint.path}: update ${String(run.globalStep)}, epoch ${String(run.currentEpoch)}`,
  );
}

async function savePause(run: Run, end: RunEnd): Promise<string> {
  const name = end.status === 'paused' ? 'pause' : 'interrupt';
  return run.saveCheckpoint(
    join(run.runDir, checkpointsFolder, `${name}-step=${String(run.globalStep)}`),
    { kinds: ['pause'] },
  );
}

function fitResult(
  { run, backend, guard }: Session,
  end: RunEnd,
): Omit<FitResult, 'engine' | 'timings'> {
  return {
    ...end,
    exitCode: guard.exitCode,
    metrics: latestValues(run),
    bestCheckpoint: run.bestCheckpoint(),
    lastCheckpoint: run.lastCheckpoint,
    counters: structuredClone(run.counters),
    runDir: run.runDir,
    backend,
  };
}
