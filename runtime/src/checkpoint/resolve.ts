import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError, messageOf } from '../errors.ts';
import { readIndex } from './checkpointIndex.ts';
import type { CheckpointEntry } from './checkpointIndex.ts';
import type { Checkpoint } from './contents.ts';
import { isCheckpointName, listIntact, readCheckpoint } from './readCheckpoint.ts';

/** Where a run keeps its checkpoints, relative to its folder. */
export const checkpointsFolder = 'checkpoints';

/**
 * The path that `spec` means: `last` is the newest good checkpoint of the run in `runDir` (one with
 * weights only when there is no other), `best` the one that its index calls best, anything else is a
 * path already. Paths are not looked at.
 * @param runDir the run's folder, needed for `last` and `best`
 * @param say told when damaged files were passed over
 * @throws UsageError ERR_CHECKPOINT_MISSING, ERR_CHECKPOINT_AMBIGUOUS
 */
export async function resolveCheckpoint(
  spec: string,
  runDir?: string,
  say: (notice: string) => void = () => undefined,
): Promise<string> {
  if (spec !== 'last' && spec !== 'best') return spec;
  if (runDir === undefined) {
    throw missing(`"${spec}" needs a run whose checkpoints to look at. Give the path of a file.`);
  }
  const folder = join(runDir, checkpointsFolder);
  const entries = await readIndex(folder);
  if (spec === 'last' && entries.length > 0) {
    const { checkpoint, notice } = await firstGood(
      folder,
      entries.toReversed().map(({ file }) => join(folder, file)),
    );
    if (notice !== null) say(notice);
    return checkpoint.path;
  }
  const candidates = entries.filter(({ kinds }) => kinds.includes('best') && spec === 'best');
  if (candidates.length === 1) return join(folder, candidates[0].file);
  if (candidates.length > 1) throw ambiguous(folder, candidates);
  const names = entries.map(({ file }) => join(folder, file)).join(', ');
  const others = names === '' ? 'There is none in that folder.' : `There are: ${names}.`;
  throw missing(`No checkpoint in ${folder} is "${spec}". ${others}`);
}

/** A checkpoint, and what had to be passed over to find a good one. */
export interface NewestGood {
  readonly checkpoint: Checkpoint;
  readonly skipped: readonly { path: string; reason: string }[];
  /** A sentence for the user when something was passed over, otherwise null. */
  readonly notice: string | null;
}

/**
 * Reads the checkpoint with the highest step in `folder` whose every checksum is right; one with
 * weights only when there is no other.
 * @throws UsageError ERR_CHECKPOINT_MISSING when there is no good one
 */
export async function newestGood(folder: string): Promise<NewestGood> {
  const intact = (await listIntact(folder)).map(({ path }) => path);
  const names = (await fs.readdir(folder).catch(() => [])).filter(isCheckpointName);
  const broken = names.map((name) => join(folder, name)).filter((path) => !intact.includes(path));
  return firstGood(folder, intact, await Promise.all(broken.map(reasonFor)));
}

async function firstGood(
  folder: string,
  paths: readonly string[],
  passedOver: NewestGood['skipped'] = [],
): Promise<NewestGood> {
  const skipped = [...passedOver];
  let weights: Checkpoint | null = null;
  for (const path of paths) {
    try {
      const checkpoint = await readCheckpoint(path);
      if (checkpoint.state.weightsOnly !== true) return found(checkpoint, skipped);
      weights ??= checkpoint;
    } catch (error) {
      skipped.push({ path, reason: messageOf(error) });
    }
  }
  if (weights !== null) return found(weights, skipped);
  const reasons = skipped.map(({ reason }) => `\n  ${reason}`).join('');
  throw missing(`There is no good checkpoint in ${folder}.${reasons}`);
}

function found(checkpoint: Checkpoint, skipped: NewestGood['skipped']): NewestGood {
  return { checkpoint, skipped, notice: describeSkipped(checkpoint.path, skipped) };
}

async function reasonFor(path: string): Promise<{ path: string; reason: string }> {
  const reason = await readCheckpoint(path).then(() => 'it changed while being read', messageOf);
  return { path, reason };
}

function describeSkipped(path: string, skipped: NewestGood['skipped']): string | null {
  if (skipped.length === 0) return null;
  const reasons = skipped.map(({ reason }) => `\n  ${reason}`).join('');
  return `Using ${path}, the newest good checkpoint; passed over:${reasons}`;
}

function ambiguous(folder: string, candidates: readonly CheckpointEntry[]): UsageError {
  const list = candidates.map(({ file, monitor }) => `${join(folder, file)} (by ${monitor})`);
  return new UsageError(
    'ERR_CHECKPOINT_AMBIGUOUS',
    `"best" can mean ${list.join(' or ')}. Give the path of the one you want.`,
  );
}

function missing(message: string): UsageError {
  return new UsageError('ERR_CHECKPOINT_MISSING', message);
}
