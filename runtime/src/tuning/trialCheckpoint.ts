import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointsFolder, newestGood } from '../checkpoint/index.ts';

/**
 * The newest whole checkpoint anywhere in a trial's folder.
 * @returns null when the trial was interrupted before it saved one, so that it starts anew
 */
export async function newestTrialCheckpoint(runDir: string): Promise<string | null> {
  const entries = await readdir(runDir, { recursive: true, withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory() && entry.name === checkpointsFolder)
    .map((entry) => join(entry.parentPath, entry.name));
  const found = await Promise.all(folders.map((folder) => newestGood(folder).catch(() => null)));
  const newest = found
    .flatMap((good) => (good === null ? [] : [good.checkpoint]))
    .sort((a, b) => b.info.step - a.info.step)
    .at(0);
  return newest?.path ?? null;
}
