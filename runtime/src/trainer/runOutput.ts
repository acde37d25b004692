import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RunKind } from '../core/stage.ts';
import { RunLogs } from './runLogs.ts';
import type { ResolvedTrainerOptions } from './trainerOptions.ts';

/** Which folder a command works in. */
export interface RunFolderChoice {
  /** An existing run's folder to go on in; null for a new one. */
  readonly existing: string | null;
}

/** INTERIM */
export async function openRunFolder(
  { existing }: RunFolderChoice,
  options: ResolvedTrainerOptions,
  _kind: RunKind,
): Promise<{ dir: string; name: string; logs: RunLogs }> {
  const name = options.runName ?? new Date().toISOString().replaceAll(':', '-');
  const dir = existing ?? resolve(join(options.defaultRootDir, name));
  await mkdir(dir, { recursive: true });
  const loggers = typeof options.logger === 'boolean' ? [] : [options.logger].flat();
  return { dir, name, logs: new RunLogs(loggers) };
}
