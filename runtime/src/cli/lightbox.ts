import type { ConstructibleClass } from '../config/loadClass.ts';
import { overridesFromObject } from '../config/loadConfig.ts';
import { noSignals, silentTerminal, type Signals, type Terminal } from '../core/ports.ts';
import type { RestoreOptions } from '../trainer/restoreParts.ts';
import type { FitResult } from '../trainer/results.ts';
import { resumeSource, runsRoot } from './checkpointSource.ts';
import type { Host } from './host.ts';
import { argumentsOf, openRun, type RunRequest } from './openRun.ts';

/** What `Lightbox.fit` takes beside the configuration. */
export interface LightboxOptions {
  /** The same dotted keys as on the command line: `{'trainer.max_epochs': 3}`. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  readonly module?: ConstructibleClass;
  readonly dataModule?: ConstructibleClass;
  readonly projectRoot?: string;
  /** Default: silent. */
  readonly terminal?: Terminal;
  /** Default: none; the caller's process keeps its signals. */
  readonly signals?: Signals;
}

export interface FitOptions extends LightboxOptions {
  /** YAML files, or objects with the same keys (snake_case); later ones win. */
  readonly config: string | object | readonly (string | object)[];
}

export interface ResumeOptions extends LightboxOptions, RestoreOptions {
  /**
   * The checkpoint to go on from: a file, the folder of a run, or `last` or `best` of the newest run
   * in `trainer.default_root_dir` (of `additionalConfig` or `overrides`; default `runs`).
   */
  readonly source: string;
  /** Laid over the configuration inside the checkpoint. */
  readonly additionalConfig?: string | object | readonly (string | object)[];
}

/** The command line's `fit` and `resume` as functions: the same path, the same precedence. */
export const Lightbox = {
  /** @throws whatever the run throws, instead of an exit code */
  async fit(options: FitOptions): Promise<FitResult> {
    return fitWith({ files: toFiles(options.config) }, options);
  },

  async resume(options: ResumeOptions): Promise<FitResult> {
    const { additionalConfig = [] } = options;
    const files = toFiles(additionalConfig);
    const cwd = process.cwd();
    const given = overridesFromObject(options.overrides ?? {});
    const root = runsRoot({ files, overrides: given, environment: process.env, cwd });
    const source = await resumeSource(options.source, root, cwd);
    const overrides = { ckpt_path: source, ...options.overrides };
    return fitWith({ files, embeddedIn: source }, { ...options, overrides });
  },
};

async function fitWith(
  request: Pick<RunRequest, 'files' | 'embeddedIn'>,
  options: LightboxOptions & RestoreOptions,
): Promise<FitResult> {
  const { module, dataModule, projectRoot, restore, overrideLr } = options;
  const overrides = overridesFromObject(options.overrides ?? {});
  const host = quietHost(options);
  const open = await openRun({ ...request, overrides, module, dataModule, projectRoot }, host);
  return open.trainer.fit({ ...argumentsOf(open), restore, overrideLr });
}

function quietHost({ terminal, signals }: LightboxOptions): Host {
  const ignore = (): void => undefined;
  const quiet = { ...(terminal ?? silentTerminal), restore: ignore };
  return {
    terminal: quiet,
    signals: signals ?? noSignals,
    env: process.env,
    cwd: process.cwd(),
    script: process.argv.at(1),
    args: process.argv.slice(2),
    print: ignore,
    warn: ignore,
  };
}

function toFiles(config: FitOptions['config']): readonly (string | object)[] {
  return Array.isArray(config) ? (config as readonly (string | object)[]) : [config];
}
