import type { ConstructibleClass } from '../config/loadClass.ts';
import { parseArguments } from '../config/parseArguments.ts';
import { UsageError } from '../errors.ts';
import type { TrainerOptions } from '../trainer/trainerOptions.ts';
import { generalCommands, projectCommands } from './commands/index.ts';
import { processHost, type Host } from './host.ts';
import { openRun, type OpenRun } from './openRun.ts';
import { runCommandLine, type Program } from './runCommandLine.ts';

/** Options of `new LightboxCLI(...)`; all may be left out when the configuration names the classes. */
export interface LightboxCLIOptions {
  /** The module's class. */
  readonly module?: ConstructibleClass;
  readonly dataModule?: ConstructibleClass;
  /** `seed_everything` unless the configuration sets it. Default 42; true draws one. */
  readonly seedEverythingDefault?: number | boolean;
  /** Always false: optimizers are set in the module's `configureOptimizers()`. */
  readonly autoConfigureOptimizers?: false;
  /** Lets the configuration name a class derived from `module`. */
  readonly subclassModeModel?: boolean;
  /** Lets the configuration name a class derived from `dataModule`. */
  readonly subclassModeData?: boolean;
  /**
   * Trainer options below those of the configuration. Its callbacks are always used: those of the
   * configuration come after them.
   */
  readonly trainerDefaults?: TrainerOptions;
  /** False: nothing starts by itself; `build()` or `run()` do. Default true. */
  readonly run?: boolean;
  /** Default: the arguments of the process. */
  readonly args?: readonly string[];
  /** Folder that `./src/...` class paths start from. Default: that of the nearest package.json. */
  readonly projectRoot?: string;
  /** Default: the process. */
  readonly host?: Host;
}

/**
 * The command line of a project: `fit`, `resume`, `validate`, `test`, `predict`, `tune`,
 * `replay-dump`, `data`, `inspect`, `plot`, `schema`, `doctor`. Starts by itself and sets the exit code of the process.
 */
export class LightboxCLI {
  #running: Promise<number> | undefined;
  readonly #options: LightboxCLIOptions;
  readonly #host: Host;

  constructor(options: LightboxCLIOptions = {}) {
    this.#options = options;
    this.#host = options.host ?? processHost();
    const auto: boolean = options.autoConfigureOptimizers ?? false;
    if (auto) {
      throw new UsageError(
        'ERR_CLI_OPTION',
        'autoConfigureOptimizers: optimizers are set in configureOptimizers() of the module.',
      );
    }
    if (options.run !== false) void this.run();
  }

  /** Constructs what the arguments describe, without running it. */
  async build(): Promise<OpenRun> {
    const { files, overrides } = parseArguments(this.#args());
    return openRun({ ...this.#project(), files, overrides }, this.#host);
  }

  /**
   * Runs the command of the arguments, once: with `run` at its default it is running already.
   * @returns the exit code, which the process gets too; errors are printed, never thrown
   */
  run(): Promise<number> {
    this.#running ??= this.#runOnce();
    return this.#running;
  }

  async #runOnce(): Promise<number> {
    const program: Program = {
      name: 'lightbox',
      commands: projectCommands,
      project: this.#project(),
    };
    const code = await runCommandLine(this.#args(), program, this.#host);
    if (this.#options.host === undefined) process.exitCode = code;
    return code;
  }

  #args(): readonly string[] {
    return this.#options.args ?? process.argv.slice(2);
  }

  #project(): Program['project'] {
    const { seedEverythingDefault, host: _host, args: _args, run: _run, ...rest } = this.#options;
    const { autoConfigureOptimizers: _auto, ...project } = rest;
    return { ...project, seedDefault: seedEverythingDefault };
  }
}

/** The `lightbox-runtime` program: commands that need no project. */
export async function runtimeProgram(args: readonly string[], host: Host): Promise<number> {
  const program = { name: 'lightbox-runtime', commands: generalCommands, project: {} };
  return runCommandLine(args, program, host);
}
