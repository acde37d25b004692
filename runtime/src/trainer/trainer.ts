import { readCheckpoint, type Checkpoint } from '../checkpoint/index.ts';
import type { DataModule } from '../core/dataModule.ts';
import type { Loaders } from '../core/loader.ts';
import type { RunKind } from '../core/stage.ts';
import type { PauseBoundary } from '../core/trainerContext.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { openSources, prepareWeights, runEvaluation } from './evaluateRun.ts';
import { forcedResult, runFit } from './fit.ts';
import { predictBatches, type Prediction } from './loops/predictionLoop.ts';
import { resolvePorts, type ResolvedPorts, type TrainerPorts } from './ports.ts';
import type { EvaluationResult, FitResult } from './results.ts';
import { checkRestore, type RestoreOptions } from './restoreParts.ts';
import { checkpointPath, runFolderOf } from './runOutput.ts';
import { Session } from './session.ts';
import { ForcedInterrupt } from './stopRequests.ts';
import {
  resolveTrainerOptions,
  trainerOptionsSchema,
  type ResolvedTrainerOptions,
  type TrainerOptions,
} from './trainerOptions.ts';

interface CommonArguments {
  readonly module: TrainModule;
  readonly dataModule?: DataModule;
  /**
   * Checkpoint to start from: a path, or `last` / `best` of this trainer's newest run (otherwise
   * of the newest run of its name).
   */
  readonly ckptPath?: string | null;
}

/** What `fit` trains, and on what. */
export interface FitArguments extends CommonArguments, RestoreOptions {
  /** Instead of a data module. */
  readonly trainLoader?: Loaders;
  readonly valLoader?: Loaders;
}

/** What `validate`, `test` and `predict` run, and on what. */
export interface EvaluationArguments extends CommonArguments {
  /** Instead of a data module. */
  readonly loader?: Loaders;
}

/**
 * Runs modules: training with validation, evaluation, prediction. One trainer may be used for
 * several calls, one after the other.
 */
export class Trainer {
  static readonly schema = trainerOptionsSchema;
  readonly options: ResolvedTrainerOptions;
  readonly #ports: ResolvedPorts;
  #session: Session | null = null;
  #lastDir: string | null = null;

  /** @throws UsageError ERR_OPTIONS listing everything that is wrong */
  constructor(options: TrainerOptions = {}, ports: TrainerPorts = {}) {
    this.options = resolveTrainerOptions(options);
    this.#ports = resolvePorts(ports);
  }

  /**
   * Trains until a limit is reached or somebody asks to stop. With `ckptPath` a run goes on where
   * the checkpoint was saved, in the same folder.
   * @throws whatever a step, hook or loader threw, after everything is closed
   */
  async fit(args: FitArguments): Promise<FitResult> {
    checkRestore(args, (args.ckptPath ?? null) !== null);
    const checkpoint = await this.#readCheckpoint(args);
    const goesOn = args.restore?.includes('progress') ?? true;
    const session = await this.#open('fit', args, goesOn ? checkpoint : null);
    return this.#close(session, runFit(session, args, checkpoint, this.#ports, args), () =>
      forcedResult(session, this.#ports),
    );
  }

  /** Runs the module's `validationStep` over the validation loaders. */
  async validate(args: EvaluationArguments): Promise<EvaluationResult> {
    return this.#evaluate('validate', args, () => args.dataModule?.valDataloader?.());
  }

  /** Runs the module's `testStep` over the test loaders. */
  async test(args: EvaluationArguments): Promise<EvaluationResult> {
    return this.#evaluate('test', args, () => args.dataModule?.testDataloader?.());
  }

  /**
   * Outputs batch by batch, as the caller asks for them; none are kept. The module's
   * `predictStep`, or else its `forward`, gives them.
   */
  async *predict(args: EvaluationArguments): AsyncGenerator<Prediction, void, undefined> {
    const checkpoint = await this.#readCheckpoint(args);
    const session = await this.#open('predict', args, checkpoint);
    try {
      const sources = openSources(session, args.loader ?? args.dataModule?.predictDataloader?.());
      prepareWeights(session.run, checkpoint);
      yield* predictBatches(session.run, sources);
    } catch (error) {
      await session.fail(error);
    } finally {
      // After a failure there is nothing left to close, after a `return()` of the caller there is.
      await session.close(session.guard.signal === null ? 'finished' : 'interrupted');
      this.#session = null;
    }
  }

  /** Ends a running fit after its current update. */
  requestStop(reason = 'requested'): void {
    this.#session?.run.requestStop(reason);
  }

  /** Saves and ends a running fit: after its current update, or at another boundary. */
  requestPause(reason = 'requested', at: PauseBoundary = 'update'): void {
    this.#session?.run.requestPause(reason, at);
  }

  /** Saves a checkpoint of a running fit after its current batch; it goes on. */
  requestSave(): void {
    this.#session?.run.requestSave();
  }

  async #evaluate(
    kind: 'validate' | 'test',
    args: EvaluationArguments,
    fromDataModule: () => Loaders | undefined,
  ): Promise<EvaluationResult> {
    const checkpoint = await this.#readCheckpoint(args);
    const session = await this.#open(kind, args, checkpoint);
    const body = async (): Promise<EvaluationResult> =>
      runEvaluation(session, args.loader ?? fromDataModule(), checkpoint);
    return this.#close(session, body(), () => ({
      status: 'interrupted',
      exitCode: session.guard.exitCode,
      metrics: {},
      runDir: session.run.runDir,
      backend: session.backend,
    }));
  }

  async #readCheckpoint({ ckptPath, module }: CommonArguments): Promise<Checkpoint | null> {
    if (ckptPath === undefined || ckptPath === null) return null;
    const name = module.constructor.name;
    const path = await checkpointPath(ckptPath, this.options, name, this.#lastDir, (notice) => {
      this.#ports.terminal.line(notice);
    });
    return readCheckpoint(path);
  }

  async #open(
    kind: RunKind,
    { module, dataModule }: CommonArguments,
    checkpoint: Checkpoint | null,
  ): Promise<Session> {
    const ofCheckpoint =
      checkpoint === null ? null : await runFolderOf(checkpoint.path, this.options.runName);
    const session = await Session.open({
      kind,
      options: this.options,
      ports: this.#ports,
      module,
      dataModule,
      output: {
        defaultName: module.constructor.name,
        existing: ofCheckpoint ?? (kind === 'fit' ? null : this.#lastDir),
        startStep: checkpoint?.info.step ?? 0,
      },
    });
    this.#session = session;
    this.#lastDir = session.run.runDir;
    return session;
  }

  /** Awaits the work and closes the session, however it ends. */
  async #close<T extends { readonly status: FitResult['status'] }>(
    session: Session,
    work: Promise<T>,
    forced: () => T,
  ): Promise<T> {
    try {
      const result = await session.guard.race(work);
      await session.close(result.status);
      return result;
    } catch (error) {
      if (!(error instanceof ForcedInterrupt)) return await session.fail(error);
      await session.close('interrupted').catch(() => undefined);
      return forced();
    } finally {
      this.#session = null;
    }
  }
}
