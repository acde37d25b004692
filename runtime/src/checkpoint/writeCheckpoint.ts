import * as fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { UsageError, messageOf } from '../errors.ts';
import { replaceFile } from '../core/atomicFile.ts';
import type { FileOps } from '../core/atomicFile.ts';
import type { CheckpointContents } from './contents.ts';
import { CheckpointProblem } from './problem.ts';
import { SnapshotBuffer, writeSnapshot } from './snapshotBuffer.ts';
import type { Snapshot } from './snapshotBuffer.ts';

/**
 * Writes one checkpoint and waits until it is on the disk. For repeated saves during training use
 * `CheckpointStore`, which does not make the training wait.
 * @throws UsageError ERR_CHECKPOINT_DISK_FULL, ERR_CHECKPOINT_PERMISSION, ERR_CHECKPOINT_WRITE;
 *   a file that was at `path` before is then still there, unchanged
 */
export async function writeCheckpoint(path: string, contents: CheckpointContents): Promise<void> {
  await persist(path, takeSnapshot(new SnapshotBuffer(), path, contents));
}

/** `buffer.fill` whose errors name the file. */
export function takeSnapshot(
  buffer: SnapshotBuffer,
  path: string,
  contents: CheckpointContents,
): Snapshot {
  try {
    return buffer.fill(contents);
  } catch (error) {
    throw error instanceof CheckpointProblem ? writeError(path, error) : error;
  }
}

/**
 * Puts `snapshot` at `path`, all of it or nothing.
 * @param after what must be done before the file gets its name; the caller then syncs the folder
 */
export async function persist(
  path: string,
  snapshot: Snapshot,
  ops: FileOps = fs,
  after?: Promise<unknown>,
): Promise<void> {
  const fill = async (file: FileHandle): Promise<void> => {
    await writeSnapshot(file, snapshot);
    await after;
  };
  try {
    await replaceFile(path, fill, ops, after === undefined);
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Turns a failed file operation into an error that says what is still there and what to do. */
export function writeError(path: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error;
  const { code, remedy } =
    remedies.find(({ errnos }) => errnos.includes((error as NodeJS.ErrnoException).code ?? '')) ??
    other;
  return new UsageError(
    code,
    `Checkpoint ${path} could not be written: ${messageOf(error)}. ` +
      `Checkpoints saved earlier are unchanged. ${remedy}`,
    { cause: error },
  );
}

const remedies = [
  {
    errnos: ['ENOSPC', 'EDQUOT', 'EFBIG'],
    code: 'ERR_CHECKPOINT_DISK_FULL',
    remedy: 'Free some space, keep fewer checkpoints (save_top_k), or choose another folder.',
  },
  {
    errnos: ['EACCES', 'EPERM', 'EROFS'],
    code: 'ERR_CHECKPOINT_PERMISSION',
    remedy: 'Make the folder writable or choose another one.',
  },
];

const other = {
  code: 'ERR_CHECKPOINT_WRITE',
  remedy: 'Check the folder and the disk, or choose another folder.',
};
