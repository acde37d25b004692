import type { DataModule } from '../core/dataModule.ts';
import { refuseForeignHooks } from '../core/foreignHooks.ts';
import type { RunStatus } from '../core/logger.ts';
import { Profiler } from '../core/profiler.ts';
import type { RunKind } from '../core/stage.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { onNotice, selectBackend, type BackendInfo } from '../engine/index.ts';
import { withDefaultCallbacks } from './defaultCallbacks.ts';
import { effectiveOptions } from './effectiveOptions.ts';
import type { ResolvedPorts } from './ports.ts';
import { Run } from './run.ts';
import { openRunOutput, type RunOutput, type RunOutputRequest } from './runOutput.ts';
import { InterruptGuard } from './signals.ts';
import type { ResolvedTrainerOptions } from './trainerOptions.ts';

export interface SessionInput {
  readonly kind: RunKind;
  readonly options: ResolvedTrainerOptions;
  readonly ports: ResolvedPorts;
  readonly module: TrainModule;
  readonly dataModule?: DataModule | undefined;
  readonly output: RunOutputRequest;
}

/** A command's surroundings: everything opened here is closed again, however the command ends. */
export class Session {
  readonly run: Run;
  readonly backend: BackendInfo;
  readonly guard = new InterruptGuard();
  /** `clock.now()` when the command was called. */
  readonly calledAt: number;
  #cleanups: ((status: RunStatus) => unknown)[] = [];

  private constructor(run: Run, backend: BackendInfo, calledAt: number) {
    this.run = run;
    this.backend = backend;
    this.calledAt = calledAt;
  }

  /** Chooses the back end and prepares folder, loggers, callbacks, data and module. */
  static async open(input: SessionInput): Promise<Session> {
    const { kind, module, ports } = input;
    const calledAt = ports.clock.now();
    const options = effectiveOptions(input.options);
    for (const owner of [module, ...options.callbacks]) refuseForeignHooks(owner);
    const backend = await selectBackend({
      accelerator: options.accelerator,
      ...(options.threads !== null && { threads: options.threads }),
    });
    const output = await openRunOutput(options, ports, input.output);
    const run = new Run({
      kind,
      options,
      module,
      callbacks: withDefaultCallbacks(options, kind),
      logs: output.logs,
      name: output.name,
      runDir: output.dir,
      terminal: ports.terminal,
      signals: ports.signals,
      clock: ports.clock,
      profiler: new Profiler({ clock: ports.clock }),
      config: ports.config,
      secrets: ports.secrets,
    });
    const session = new Session(run, backend, calledAt);
    try {
      await session.#start(input, output);
      return session;
    } catch (error) {
      return session.fail(error);
    }
  }

  /** Registers what to do at the end; the newest comes first. */
  defer(cleanup: (status: RunStatus) => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Tells everybody about the error, closes, and throws it again: nothing hides it. */
  async fail(error: unknown): Promise<never> {
    const ignore = (): void => undefined;
    await Promise.resolve()
      .then(() => this.run.hooks.call('onException', error))
      .catch(ignore);
    await this.#clean('failed');
    throw error;
  }

  /** @throws the first error of closing */
  async close(status: RunStatus): Promise<void> {
    const problems = await this.#clean(status);
    if (problems.length > 0) throw problems[0];
  }

  async #start(
    { kind, module, dataModule, ports }: SessionInput,
    output: RunOutput,
  ): Promise<void> {
    const { run } = this;
    this.defer((status) => output.finish(status));
    this.defer(() => {
      run.terminal.live(null);
    });
    this.guard.arm(ports.signals, run.requests, run.terminal);
    this.defer(() => {
      this.guard.disarm();
    });
    this.defer(
      onNotice(({ message }) => {
        run.terminal.line(message);
      }),
    );
    module.attach(run, run);
    this.defer(() => {
      run.store.discardPending();
      module.setTraining(false);
      module.attach(null, null);
    });
    const { name, device } = this.backend;
    const where = device === 'cpu' ? name : `${name} on ${device}`;
    run.terminal.line(
      `Run ${output.name}: ${run.runDir} (${where}, ${String(this.backend.threads)} threads, seed ${String(run.options.seed)})`,
    );
    // A download may take long: a second signal must end it too.
    if (dataModule !== undefined) await this.guard.race(this.#prepareData(dataModule, kind));
    this.defer((status) => run.logs.finish(status));
    this.defer(() => run.hooks.call('teardown', kind));
    await run.hooks.call('setup', kind);
  }

  async #prepareData(dataModule: DataModule, kind: RunKind): Promise<void> {
    const { terminal } = this.run;
    await dataModule.prepareData?.({
      line: (text) => {
        terminal.line(text);
      },
    });
    this.defer(() => dataModule.teardown?.(kind));
    await dataModule.setup?.(kind);
  }

  async #clean(status: RunStatus): Promise<unknown[]> {
    const problems: unknown[] = [];
    for (const cleanup of this.#cleanups.reverse()) {
      try {
        await cleanup(status);
      } catch (error) {
        problems.push(error);
      }
    }
    this.#cleanups = [];
    return problems;
  }
}
