import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { isPlainObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { writeFileAtomic } from '../core/atomicFile.ts';
import type { FileOps } from '../core/atomicFile.ts';
import type { SaveRecord } from './contents.ts';
import { isCheckpointName, readCheckpointHeader } from './readCheckpoint.ts';
import { decodeState, encodeState } from './stateJson.ts';

/** Why a checkpoint was saved; one can have several reasons. */
export type CheckpointKind = (typeof checkpointKinds)[number];

/**
 * `best`: best value of its monitor so far; `top`: among the best k; `last`: newest of the
 * regular ones; `periodic`: saved by schedule; `pause`: the run was paused or stopped;
 * `emergency`: saved because of an error; `averaged`: weights averaged over the run.
 */
export const checkpointKinds = [
  'best',
  'top',
  'last',
  'periodic',
  'pause',
  'emergency',
  'averaged',
] as const;

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
export async function readIndex(folder: string): Promise<readonly CheckpointEntry[]> {
  return (await compareIndex(folder)).entries;
}

/** A checkpoint file whose save the index knows nothing of. */
export interface UnindexedFile {
  readonly entry: CheckpointEntry;
  readonly save: SaveRecord | null;
}

/** The entries of `folder`, and those among them that the index lacks, in the order of saving. */
export async function compareIndex(
  folder: string,
): Promise<{ entries: readonly CheckpointEntry[]; unindexed: UnindexedFile[] }> {
  const present = (await fs.readdir(folder).catch(() => [])).filter(isCheckpointName);
  const indexed = await parseIndex(folder);
  const found = await Promise.all(present.map((file) => readEntry(folder, file)));
  const known = indexed.filter(({ file, savedAt }) => {
    const there = found.find(({ entry }) => entry.file === file);
    // A damaged file stays known, so that who asks for it is told about the damage.
    return there !== undefined && (there.damaged || there.entry.savedAt === savedAt);
  });
  const unindexed = found
    .filter(({ damaged, entry }) => !damaged && !known.some(({ file }) => file === entry.file))
    .toSorted((a, b) => bySavedAt(a.entry, b.entry) || Number(isAlias(a)) - Number(isAlias(b)));
  const all = [...known, ...unindexed.map(({ entry }) => entry)].toSorted(bySavedAt);
  const entries = all.reduce<readonly CheckpointEntry[]>(withEntry, []);
  return { entries, unindexed };
}

/** `entries` with one more; an older best of the same monitor stays as one of the top. */
export function withEntry(
  entries: readonly CheckpointEntry[],
  added: CheckpointEntry,
): readonly CheckpointEntry[] {
  const others = entries.filter(({ file }) => file !== added.file);
  if (!added.kinds.includes('best')) return [...others, added];
  const demoted = others.map((entry) =>
    entry.monitor === added.monitor && entry.kinds.includes('best')
      ? { ...entry, kinds: demote(entry.kinds) }
      : entry,
  );
  return [...demoted, added];
}

function demote(kinds: readonly CheckpointKind[]): CheckpointKind[] {
  return [...new Set(kinds.map((kind) => (kind === 'best' ? 'top' : kind)))];
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

interface FoundFile extends UnindexedFile {
  readonly damaged: boolean;
}

async function readEntry(folder: string, file: string): Promise<FoundFile> {
  try {
    const { info, fileBytes, save } = await readCheckpointHeader(join(folder, file));
    const { step, epoch, metrics: values, savedAt } = info;
    const kinds = kindsOf(file, save);
    const monitor = save?.monitor ?? null;
    const entry = { file, step, epoch, values, kinds, monitor, savedAt, bytes: fileBytes };
    return { entry, save, damaged: false };
  } catch {
    const entry = { file, step: 0, epoch: 0, values: {}, kinds: [], monitor: null, savedAt: '' };
    return { entry: { ...entry, bytes: 0 }, save: null, damaged: true };
  }
}

/** A file that somebody copied to another name is nothing special. */
function kindsOf(file: string, save: SaveRecord | null): CheckpointKind[] {
  const kinds =
    save?.file === file ? save.kinds : save?.alsoAs.find((alias) => alias.file === file)?.kinds;
  return checkpointKinds.filter((kind) => kinds?.includes(kind));
}

function isAlias({ entry, save }: UnindexedFile): boolean {
  return save !== null && save.file !== entry.file;
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
