import { randomInt } from 'node:crypto';
import { relative } from 'node:path';
import { describeCheckpoint } from '../checkpoint/index.ts';
import { OnExceptionCheckpoint } from '../callbacks/onExceptionCheckpoint.ts';
import { PauseCallback } from '../callbacks/pause.ts';
import type { DataModule } from '../core/dataModule.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { buildRun } from '../config/buildRun.ts';
import { configDifferences } from '../config/configDifferences.ts';
import { embedConfig, embeddedLayer } from '../config/embedded.ts';
import { environmentOf } from '../config/environmentSection.ts';
import type { ConstructibleClass } from '../config/loadClass.ts';
import { loadConfig } from '../config/loadConfig.ts';
import { nodeAt, type MapNode } from '../config/node.ts';
import type { Override } from '../config/overrides.ts';
import { prepareConfig, type PreparedConfig } from '../config/prepare.ts';
import { printConfig } from '../config/printConfig.ts';
import { isSecretName, withoutSecrets } from '../config/secrets.ts';
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
  let tree = loadConfig(layers);
  const checkpoint = request.embeddedIn ?? checkpointPath(tree);
  const embedded = checkpoint === undefined ? undefined : await readEmbedded(checkpoint, host);
  if (embedded !== undefined) tree = loadConfig({ ...layers, embedded });
  for (const [name, value] of environmentOf(tree)) host.env[name] = value;
  const config = await prepareConfig(tree, {
    projectRoot: request.projectRoot ?? findProjectRoot(host.cwd),
    module: request.module,
    dataModule: request.dataModule,
    subclassModeModel: request.subclassModeModel,
    subclassModeData: request.subclassModeData,
    seedDefault: request.seedDefault,
    drawSeed: () => randomInt(2 ** 31),
  });
  if (embedded !== undefined) reportDifferences(embedded, config, host);
  return config;
}

/** Reads the configuration and constructs module, data and trainer. */
export async function openRun(request: RunRequest, host: Host): Promise<OpenRun> {
  const config = await readRunConfig(request, host);
  const { module, dataModule, trainerOptions } = await buildRun(config);
  const started = {
    overridden: request.overrides.some(({ path }) => path[0] !== 'ckpt_path'),
    files: request.files.filter((file) => typeof file === 'string'),
  };
  // Callbacks of the script are always there: a configuration adds to them.
  const callbacks = [...(request.trainerDefaults?.callbacks ?? []), ...trainerOptions.callbacks];
  if (!callbacks.some((callback) => callback instanceof PauseCallback)) {
    callbacks.push(new PauseCallback());
  }
  const saves = trainerOptions.enableCheckpointing && !trainerOptions.fastDevRun;
  if (saves && !callbacks.some((callback) => callback instanceof OnExceptionCheckpoint)) {
    callbacks.push(new OnExceptionCheckpoint());
  }
  const trainer = new Trainer(
    { ...trainerOptions, callbacks },
    {
      terminal: host.terminal,
      signals: host.signals,
      config: embedConfig(config),
      configText: printConfig(withoutSecrets(config.tree)),
      command: commandLine(host),
      resumeHint: (path) => resumeCommand(path, started, host),
    },
  );
  const { ckptPath: written } = config;
  const ckptPath =
    written === null || isRelativeToRun(written) ? written : await checkpointAt(written, host.cwd);
  return { config, trainer, module, dataModule, ckptPath };
}

/** Script and arguments for the record of the run; values of secret variables are left out. */
function commandLine({ script, args, cwd }: Host): string[] {
  let hide = false;
  const shown = args.map((arg) => {
    const isValue = hide && !arg.startsWith('--');
    const [name, value] = arg.split('=', 2);
    const isSecret = name.startsWith('--') && isSecretName(name.split('.').at(-1) ?? '');
    hide = isSecret && value === undefined;
    if (isValue) return '***';
    return isSecret && value !== undefined ? `${name}=***` : arg;
  });
  return [...(script === undefined ? [] : [relative(cwd, script)]), ...shown];
}

function checkpointPath(tree: MapNode): string | undefined {
  const node = nodeAt(tree, ['ckpt_path']);
  const value = node?.kind === 'scalar' ? node.value : undefined;
  // The folder of a run is named by the configuration, so it must be known before.
  return typeof value === 'string' && !isRelativeToRun(value) ? value : undefined;
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
  const lines = configDifferences(embedded, config.tree);
  if (lines.length === 0) return;
  terminal.line('Changed since the checkpoint:');
  for (const line of lines) terminal.line(`  ${line}`);
}
