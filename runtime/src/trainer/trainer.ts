import type { DataModule } from '../core/dataModule.ts';
import type { Loaders } from '../core/loader.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { runFit } from './fit.ts';
import { resolvePorts, type ResolvedPorts, type TrainerPorts } from './ports.ts';
import type { FitResult } from './results.ts';
import { Session } from './session.ts';
import {
  resolveTrainerOptions,
  trainerOptionsSchema,
  type ResolvedTrainerOptions,
  type TrainerOptions,
} from './trainerOptions.ts';

/** What `fit` trains, and on what. */
export interface FitArguments {
  readonly module: TrainModule;
  readonly dataModule?: DataModule;
  /** Instead of a data module. */
  readonly trainLoader?: Loaders;
  readonly valLoader?: Loaders;
  /** Checkpoint to go on from: a path, or `last` / `best` of the run named by `run_name`. */
  readonly ckptPath?: string | null;
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

  /** @throws UsageError ERR_TRAINER_OPTIONS listing everything that is wrong */
  constructor(options: TrainerOptions = {}, ports: TrainerPorts = {}) {
    this.options = resolveTrainerOptions(options);
    this.#ports = resolvePorts(ports);
  }

  /**
   * Trains until a limit is reached or somebody asks to stop.
   * @throws whatever a step, hook or loader threw, after everything is closed
   */
  async fit(args: FitArguments): Promise<FitResult> {
    const session = await Session.open({
      kind: 'fit',
      options: this.options,
      ports: this.#ports,
      module: args.module,
      dataModule: args.dataModule,
      folder: { existing: null },
    });
    this.#session = session;
    try {
      const result = await session.guard.race(
        runFit(session, args, args.ckptPath ?? null, this.#ports),
      );
      await session.close(result.status);
      return result;
    } catch (error) {
      return await session.fail(error);
    } finally {
      this.#session = null;
    }
  }

  /** Ends a running fit after its current update. */
  requestStop(reason = 'requested'): void {
    this.#session?.run.requestStop(reason);
  }

  /** Saves and ends a running fit after its current update. */
  requestPause(reason = 'requested'): void {
    this.#session?.run.requestPause(reason);
  }
}
