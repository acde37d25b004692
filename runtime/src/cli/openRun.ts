import { randomInt } from 'node:crypto';
import { relative, resolve } from 'node:path';
import { describeCheckpoint, resolveCheckpoint } from '../checkpoint/index.ts';
import { OnExceptionCheckpoint } from '../callbacks/onExceptionCheckpoint.ts';
import { PauseCallback } from '../callbacks/pause.ts';
import type { DataModule } from '../core/dataModule.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { buildRun } from '../config/buildRun.ts';
import { configDifferences } from '../config/configDifferences.ts';
import { unescapeReferences } from '../config/references.ts';
import { configPorts, embeddedLayer } from '../config/embedded.ts';
import { environmentOf } from '../config/environmentSection.ts';
import type { ConstructibleClass } from '../config/loadClass.ts';
import { environmentPrefix, loadConfig } from '../config/loadConfig.ts';
import { nodeAt, type MapNode } from '../config/node.ts';
import type { Override } from '../config/overrides.ts';
import { prepareConfig, type PreparedConfig } from '../config/prepare.ts';
import { maskFlags } from '../core/secrets.ts';
import { RunFolder } from '../loggers/index.ts';
import { Trainer } from '../trainer/trainer.ts';
import type { TrainerOptions } from '../trainer/trainerOptions.ts';
import { checkpointAt } from './checkpointSource.ts';
import { findProjectRoot, type Host } from './host.ts';
import { resumeCommand } from './resumeHint.ts';

/** What a run is started from; the same for the command line and for `Lightbox`. */
export interface RunRequest {
  /** YAML files, or objects in their place. */
  readonly files: readonly (string | object)[];
  readonly overrides: readonly Override[];
  /** Below the values of files: those inside this checkpoint. Default: `ckpt_path` of the request. */
  readonly embeddedIn?: string;
  readonly module?: ConstructibleClass;
  readonly dataModule?: ConstructibleClass;
  readonly subclassModeModel?: boolean;
  readonly subclassModeData?: boolean;
  readonly seedDefault?: number | boolean;
  readonly trainerDefaults?: TrainerOptions;
  readonly projectRoot?: string;
}

/** A run that is ready to start. */
export interface OpenRun {
  readonly config: PreparedConfig;
  readonly trainer: Trainer;
  readonly module: TrainModule;
  readonly dataModule: DataModule;
  /** Absolute path of the checkpoint to start from, or `last` / `best`, or null. */
  readonly ckptPath: string | null;
}

/** What the trainer's methods take. */
export function argumentsOf({ module, dataModule, ckptPath }: OpenRun) {
  return { module, dataModule, ckptPath };
}

/**
 * Reads and checks the configuration of a run. Variables of its environment section are set
 * before any project file is imported.
 * @throws ConfigError with everything that is wrong
 */
export async function readRunConfig(request: RunRequest, host: Host): Promise<PreparedConfig> {
  const layers = {
    files: request.files,
    overrides: request.overrides,
    environment: host.env,
    trainerDefaults: { ...request.trainerDefaults, callbacks: undefined },
    cwd: host.cwd,
  };
  const prepare = (tree: MapNode, drawSeed: () => number): Promise<PreparedConfig> => {
    for (const [name, value] of environmentOf(tree)) host.env[name] = value;
    return prepareConfig(tree, {
      projectRoot: request.projectRoot ?? findProjectRoot(host.cwd),
      module: request.module,
      dataModule: request.dataModule,
      subclassModeModel: request.subclassModeModel,
      subclassModeData: request.subclassModeData,
      seedDefault: request.seedDefault,
      drawSeed,
    });
  };
  const drawNew = (): number => randomInt(2 ** 31);
  let tree = loadConfig(layers);
  const checkpoint =
    request.embeddedIn ?? (await embeddingCheckpoint(tree, () => prepare(tree, drawNew), host.cwd));
  const embedded = checkpoint === undefined ? undefined : await readEmbedded(checkpoint, host);
  if (embedded !== undefined) tree = loadConfig({ ...layers, embedded });
  // `true` draws a seed once: a run that goes on keeps the one that it had.
  const kept = embedded === undefined ? undefined : seedIn(embedded);
  const config = await prepare(tree, kept === undefined ? drawNew : () => kept);
  if (embedded !== undefined) reportDifferences(embedded, config, host);
  return config;
}

/** Reads the configuration and constructs module, data and trainer. */
export async function openRun(request: RunRequest, host: Host): Promise<OpenRun> {
  const config = await readRunConfig(request, host);
  const { module, dataModule, trainerOptions } = await buildRun(config);
  const started = {
    overridden:
      request.overrides.some(({ path }) => path[0] !== 'ckpt_path') ||
      Object.keys(host.env).some((name) => name.startsWith(environmentPrefix)),
    files: request.files.filter((file) => typeof file === 'string'),
  };
  // Callbacks of the script are always there: a configuration adds to them.
  const callbacks = [...(request.trainerDefaults?.callbacks ?? []), ...trainerOptions.callbacks];
  if (!callbacks.some((callback) => callback instanceof PauseCallback)) {
    callbacks.push(new PauseCallback());
  }
  const ports = configPorts(config);
  const saves = trainerOptions.enableCheckpointing && !trainerOptions.fastDevRun;
  if (saves && !callbacks.some((callback) => callback instanceof OnExceptionCheckpoint)) {
    callbacks.push(new OnExceptionCheckpoint());
  }
  const trainer = new Trainer(
    { ...trainerOptions, callbacks },
    {
      terminal: host.terminal,
      signals: host.signals,
      ...ports,
      command: commandLine(host, ports.secrets),
      resumeHint: (path) => resumeCommand(path, started, host),
    },
  );
  const { ckptPath: written } = config;
  const ckptPath =
    written === null || isRelativeToRun(written) ? written : await checkpointAt(written, host.cwd);
  return { config, trainer, module, dataModule, ckptPath };
}

/** Script and arguments for the record of the run. */
function commandLine({ script, args, cwd }: Host, secrets: readonly string[]): string[] {
  return [...(script === undefined ? [] : [relative(cwd, script)]), ...maskFlags(args, secrets)];
}

/**
 * The checkpoint whose configuration lies below the files, undefined for none. `last` and `best`
 * are in a run's folder, which a configuration names: so it is prepared without that layer first.
 */
async function embeddingCheckpoint(
  tree: MapNode,
  prepared: () => Promise<PreparedConfig>,
  cwd: string,
): Promise<string | undefined> {
  const node = nodeAt(tree, ['ckpt_path']);
  const value = node?.kind === 'scalar' ? node.value : undefined;
  if (typeof value !== 'string' || !isRelativeToRun(value)) {
    return typeof value === 'string' ? value : undefined;
  }
  const { values, modules, classes } = await prepared();
  const trainer = values.trainer as { run_name: string | null; default_root_dir: string };
  const name = trainer.run_name ?? (modules.model && classes.typeOf(modules.model)?.name);
  if (name === undefined) return undefined;
  const run = await RunFolder.newest(name, resolve(cwd, trainer.default_root_dir));
  // That there is none is said by the trainer, with all that it knows of the run.
  return resolveCheckpoint(value, run ?? undefined).catch(() => undefined);
}

function seedIn(embedded: MapNode): number | undefined {
  const node = nodeAt(embedded, ['seed_everything']);
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
}

function isRelativeToRun(ckptPath: string): boolean {
  return ckptPath === 'best' || ckptPath === 'last';
}

async function readEmbedded(checkpoint: string, host: Host): Promise<MapNode | undefined> {
  const path = await checkpointAt(checkpoint, host.cwd);
  const { info } = await describeCheckpoint(path, { verify: false });
  const shown = relative(host.cwd, path);
  return info.config === null ? undefined : embeddedLayer(info.config, shown);
}

function reportDifferences(embedded: MapNode, config: PreparedConfig, { terminal }: Host): void {
  const lines = configDifferences(unescapeReferences(embedded), config.tree);
  if (lines.length === 0) return;
  terminal.line('Changed since the checkpoint:');
  for (const line of lines) terminal.line(`  ${line}`);
}
