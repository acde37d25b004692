import { join } from 'node:path';
import { linkFile, syncFolder } from '../core/atomicFile.ts';
import type { FileOps } from '../core/atomicFile.ts';
import { bySavedAt, compareIndex, withEntry, writeIndex } from './checkpointIndex.ts';
import type { CheckpointEntry, CheckpointKind } from './checkpointIndex.ts';
import { readCheckpointHeader } from './readCheckpoint.ts';

/**
 * Finishes the save of `folder` that a crash interrupted once its file was in place: gives the
 * file its other names, removes what it takes the place of, and puts both into the index.
 * @returns all entries, in the order of saving
 */
export async function finishSaves(
  folder: string,
  ops: FileOps,
): Promise<readonly CheckpointEntry[]> {
  const { entries: found, unindexed } = await compareIndex(folder);
  let entries: readonly CheckpointEntry[] = found;
  for (const { entry, save } of unindexed) {
    if (save?.file !== entry.file) continue;
    for (const { file, kinds } of save.alsoAs) {
      const other = entries.find((known) => known.file === file);
      if (other !== undefined && other.savedAt >= entry.savedAt) continue;
      await linkFile(join(folder, entry.file), join(folder, file), ops);
      entries = withEntry(entries, { ...entry, file, kinds: kinds as CheckpointKind[] });
    }
  }
  const removed = await replacedFiles(folder, entries);
  entries = entries.filter(({ file }) => !removed.includes(file)).toSorted(bySavedAt);
  if (unindexed.length > 0 || removed.length > 0) await writeIndex(folder, entries, ops);
  for (const file of removed) await ops.unlink(join(folder, file));
  if (removed.length > 0) await syncFolder(folder, ops);
  return entries;
}

/** What the newest save was to remove and did not come to. */
async function replacedFiles(
  folder: string,
  entries: readonly CheckpointEntry[],
): Promise<string[]> {
  const newest = entries.at(-1);
  if (newest === undefined) return [];
  const header = await readCheckpointHeader(join(folder, newest.file)).catch(() => null);
  return entries
    .filter(({ file, savedAt }) => savedAt < newest.savedAt && header?.save?.removes.includes(file))
    .map(({ file }) => file);
}
