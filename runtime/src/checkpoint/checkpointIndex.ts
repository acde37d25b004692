import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { isPlainObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { writeFileAtomic } from '../core/atomicFile.ts';
import type { FileOps } from '../core/atomicFile.ts';
import { isCheckpointName, readCheckpointHeader } from './readCheckpoint.ts';
import { decodeState, encodeState } from './stateJson.ts';

/** Why a checkpoint was saved; one can have several reasons. */
export type CheckpointKind = (typeof checkpointKinds)[number];

/**
 * `best`: best value of its monitor so far; `top`: among the best k; `last`: newest of the
 * regular ones; `periodic`: saved by schedule; `pause`: the run was paused or stopped;
 * `emergency`: saved because of an error.
 */
export const checkpointKinds = ['best', 'top', 'last', 'periodic', 'pause', 'emergency'] as const;

/** What the index knows of one checkpoint. */
export interface CheckpointEntry {
  /** Name in the checkpoints' folder. */
  readonly file: string;
  readonly step: number;
  readonly epoch: number;
  /** Metrics at that time, by full name. */
  readonly values: Readonly<Record<string, number>>;
  readonly kinds: readonly CheckpointKind[];
  /** The metric that made it `best` or `top`. */
  readonly monitor: string | null;
  /** ISO 8601. */
  readonly savedAt: string;
  readonly bytes: number;
}

/** The index's name in the checkpoints' folder. */
export const indexName = 'checkpoints.json';

/**
 * The checkpoints of `folder` in the order in which they were saved. It never knows more than the
 * files: after a crash between the two writes, or when files were copied, removed or replaced, or
 * the index is unreadable, what the files' headers say counts.
 */
export async function readIndex(folder: string): Promise<CheckpointEntry[]> {
  const present = (await fs.readdir(folder).catch(() => [])).filter(isCheckpointName);
  const indexed = new Map((await parseIndex(folder)).map((entry) => [entry.file, entry]));
  const entries = await Promise.all(
    present.map(async (file) => {
      const known = indexed.get(file);
      const found = await entryFromFile(folder, file);
      // A damaged file stays known, so that who asks for it is told about the damage.
      if (found === undefined) return known ?? [];
      return known?.savedAt === found.savedAt ? known : found;
    }),
  );
  return entries.flat().toSorted(bySavedAt);
}

/** Replaces the index, all of it or nothing. */
export async function writeIndex(
  folder: string,
  entries: readonly CheckpointEntry[],
  ops: FileOps = fs,
): Promise<void> {
  const lines = entries.map((entry) => `    ${encodeState(entry as unknown as JsonObject)}`);
  const text = `{\n  "format": 1,\n  "checkpoints": [\n${lines.join(',\n')}\n  ]\n}\n`;
  await writeFileAtomic(join(folder, indexName), text, ops);
}

/** Orders entries as they were saved. */
export function bySavedAt(a: CheckpointEntry, b: CheckpointEntry): number {
  if (a.savedAt === b.savedAt) return 0;
  return a.savedAt < b.savedAt ? -1 : 1;
}

async function parseIndex(folder: string): Promise<CheckpointEntry[]> {
  try {
    const index = decodeState(await fs.readFile(join(folder, indexName), 'utf8'));
    const entries: unknown = index.checkpoints;
    return Array.isArray(entries) ? entries.filter(isEntry) : [];
  } catch {
    return [];
  }
}

async function entryFromFile(folder: string, file: string): Promise<CheckpointEntry | undefined> {
  try {
    const { info, fileBytes } = await readCheckpointHeader(join(folder, file));
    const { step, epoch, metrics: values, savedAt } = info;
    return { file, step, epoch, values, kinds: [], monitor: null, savedAt, bytes: fileBytes };
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is CheckpointEntry {
  return (
    isPlainObject(value) &&
    typeof value.file === 'string' &&
    typeof value.step === 'number' &&
    typeof value.epoch === 'number' &&
    typeof value.savedAt === 'string' &&
    typeof value.bytes === 'number' &&
    isPlainObject(value.values) &&
    (value.monitor === null || typeof value.monitor === 'string') &&
    Array.isArray(value.kinds) &&
    value.kinds.every((kind) => (checkpointKinds as readonly unknown[]).includes(kind))
  );
}
