import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointsFolder, newestGood } from '../checkpoint/index.ts';

/**
 * The newest whole checkpoint below the first of the folders that has any.
 * @returns null when the trial was interrupted before it saved one, so that it starts anew
 */
export async function newestTrialCheckpoint(folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) {
    const path = await newestBelow(folder);
    if (path !== null) return path;
  }
  return null;
}

async function newestBelow(folder: string): Promise<string | null> {
  const options = { recursive: true, withFileTypes: true } as const;
  const entries = await readdir(folder, options).catch(() => []);
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
