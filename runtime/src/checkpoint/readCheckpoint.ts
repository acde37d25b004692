import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError, didYouMean, messageOf } from '../errors.ts';
import type { Checkpoint } from './contents.ts';
import { CheckpointProblem } from './problem.ts';
import { readHeader, readTensors } from './verify.ts';
import type { CheckpointHeader } from './verify.ts';

/** What checkpoint files end in. */
export const checkpointExtension = '.safetensors';

/**
 * Reads the checkpoint at `path` and checks sizes, bounds and every checksum.
 * @throws UsageError ERR_CHECKPOINT_MISSING, ERR_CHECKPOINT_TRUNCATED, ERR_CHECKPOINT_CORRUPT,
 *   ERR_CHECKPOINT_FORMAT (intact, but no checkpoint that this version reads) or
 *   ERR_CHECKPOINT_READ; the message names the good checkpoints beside it
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return withCheckpointFile(path, async (file, header) => {
    const tensors = await readTensors(file, header);
    return { path, info: header.info, state: header.state, tensors };
  });
}

/** `readCheckpoint` without the tensors' values, whose checksums are therefore not checked. */
export async function readCheckpointHeader(
  path: string,
): Promise<CheckpointHeader & { fileBytes: number }> {
  return withCheckpointFile(path, (_file, header, fileBytes) =>
    Promise.resolve({ ...header, fileBytes }),
  );
}

/**
 * Paths of the checkpoints in `folder` whose size and header are right, newest step first.
 * @param except a file name that is left out
 */
export async function listIntact(
  folder: string,
  except?: string,
): Promise<{ path: string; step: number }[]> {
  const names = await fs.readdir(folder).catch(() => []);
  const candidates = names.filter((name) => isCheckpointName(name) && name !== except);
  const found = await Promise.all(
    candidates.map(async (name) => {
      const path = join(folder, name);
      const header = await open(path, (_file, inner) => Promise.resolve(inner)).catch(() => null);
      return header === null ? [] : [{ path, step: header.info.step, at: header.info.savedAt }];
    }),
  );
  return found.flat().toSorted((a, b) => b.step - a.step || (a.at < b.at ? 1 : -1));
}

/** True for names of finished checkpoint files, false for those still being written. */
export function isCheckpointName(name: string): boolean {
  return name.endsWith(checkpointExtension) && !name.startsWith('.');
}

async function withCheckpointFile<T>(path: string, use: Use<T>): Promise<T> {
  try {
    return await open(path, use);
  } catch (error) {
    throw await explain(path, error);
  }
}

type Use<T> = (file: fs.FileHandle, header: CheckpointHeader, fileBytes: number) => Promise<T>;

async function open<T>(path: string, use: Use<T>): Promise<T> {
  const file = await fs.open(path, 'r');
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new CheckpointProblem('format', 'it is not a file');
    return await use(file, await readHeader(file, stat.size), stat.size);
  } finally {
    await file.close();
  }
}

async function explain(path: string, error: unknown): Promise<unknown> {
  const others = await listIntact(dirname(path), basename(path));
  const wayOut = suggest(others.map((other) => other.path));
  if (error instanceof CheckpointProblem) {
    const { code, summary } = problems[error.kind];
    const message = `Checkpoint ${path} ${summary}: ${error.message}.${wayOut}`;
    return new UsageError(code, message, { cause: error });
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const near = didYouMean(
      basename(path),
      others.map((other) => basename(other.path)),
    );
    return new UsageError(
      'ERR_CHECKPOINT_MISSING',
      `There is no checkpoint at ${path}.${near}${wayOut}`,
      { cause: error },
    );
  }
  if (code === undefined) return error;
  return new UsageError(
    'ERR_CHECKPOINT_READ',
    `Checkpoint ${path} cannot be read: ${messageOf(error)}.${wayOut}`,
    { cause: error },
  );
}

const problems = {
  truncated: { code: 'ERR_CHECKPOINT_TRUNCATED', summary: 'is cut short' },
  corrupt: { code: 'ERR_CHECKPOINT_CORRUPT', summary: 'is damaged' },
  format: { code: 'ERR_CHECKPOINT_FORMAT', summary: 'cannot be used' },
} as const;

function suggest(paths: readonly string[]): string {
  if (paths.length === 0) return ' No other checkpoint is in that folder.';
  const shown = paths.slice(0, 3).join(', ');
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : '';
  return ` Others in that folder, newest first: ${shown}${more}.`;
}
