import { basename, dirname, join, resolve } from 'node:path';
import { checkpointsFolder, resolveCheckpoint } from '../checkpoint/index.ts';
import type { Logger, RunStatus } from '../core/logger.ts';
import { CSVLogger, JSONLLogger, readRunRecord, RunFolder } from '../loggers/index.ts';
import type { ResolvedPorts } from './ports.ts';
import { RunLogs } from './runLogs.ts';
import type { ResolvedTrainerOptions } from './trainerOptions.ts';
import { packageVersions } from './versions.ts';

/** Where a command writes. */
export interface RunOutput {
  readonly name: string;
  /** Absolute. */
  readonly dir: string;
  readonly logs: RunLogs;
  finish(status: RunStatus): Promise<void>;
}

export interface RunOutputRequest {
  /** Used when the options name no run. */
  readonly defaultName: string;
  /** Folder of a run to go on in; null for a new one. */
  readonly existing: string | null;
  /** Updates done before. */
  readonly startStep: number;
}

/** Opens the folder of a run and makes its loggers; `fast_dev_run` writes nothing. */
export async function openRunOutput(
  options: ResolvedTrainerOptions,
  { command, configText }: ResolvedPorts,
  { defaultName, existing, startStep }: RunOutputRequest,
): Promise<RunOutput> {
  const name = options.runName ?? defaultName;
  if (options.fastDevRun !== false) {
    const dir = resolve(options.defaultRootDir, 'fast_dev_run');
    return { name, dir, logs: new RunLogs([]), finish: () => Promise.resolve() };
  }
  const folder =
    existing === null
      ? await RunFolder.create({
          root: resolve(options.defaultRootDir),
          name,
          command,
          seed: options.seed,
          versions: packageVersions(),
        })
      : await RunFolder.open(existing, { command, startStep });
  if (configText !== undefined) await folder.writeConfig(configText);
  return {
    name: folder.name,
    dir: folder.dir,
    logs: new RunLogs(makeLoggers(options)),
    finish: (status) => folder.finish(status),
  };
}

function makeLoggers({ logger }: ResolvedTrainerOptions): Logger[] {
  const chosen = typeof logger === 'boolean' ? (logger ? [new CSVLogger()] : []) : [logger].flat();
  const hasRecord = chosen.some((item) => item instanceof JSONLLogger);
  return hasRecord ? chosen : [new JSONLLogger(), ...chosen];
}

/**
 * Path of the checkpoint that `ckptPath` means.
 * @param lastDir folder of this trainer's newest run
 * @param say told when damaged files were passed over
 * @throws UsageError ERR_CHECKPOINT_MISSING, ERR_CHECKPOINT_AMBIGUOUS
 */
export async function checkpointPath(
  ckptPath: string,
  options: ResolvedTrainerOptions,
  defaultName: string,
  lastDir: string | null,
  say?: (notice: string) => void,
): Promise<string> {
  const root = resolve(options.defaultRootDir);
  const dir = lastDir ?? (await RunFolder.newest(options.runName ?? defaultName, root));
  return resolve(await resolveCheckpoint(ckptPath, dir ?? undefined, say));
}

/** Folder of the run that a checkpoint belongs to, when it lies in one; its name must fit. */
export async function runFolderOf(checkpoint: string, name: string | null): Promise<string | null> {
  if (basename(dirname(checkpoint)) !== checkpointsFolder) return null;
  const dir = dirname(dirname(checkpoint));
  const record = await readRunRecord(dir).catch(() => null);
  return record === null || (name !== null && record.name !== name) ? null : join(dir);
}
