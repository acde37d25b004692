import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { sweepLeftovers, syncFolder } from '../core/atomicFile.ts';
import type { FileOps } from '../core/atomicFile.ts';
import { sanitizeFileName } from '../core/fileNames.ts';
import { bySavedAt, readIndex, writeIndex } from './checkpointIndex.ts';
import type { CheckpointEntry, CheckpointKind } from './checkpointIndex.ts';
import type { CheckpointContents, CheckpointInfo } from './contents.ts';
import { checkpointExtension } from './readCheckpoint.ts';
import { SnapshotBuffer } from './snapshotBuffer.ts';
import type { Snapshot } from './snapshotBuffer.ts';
import { persist, takeSnapshot, writeError } from './writeCheckpoint.ts';

/** What to save, and under which names. */
export interface SaveRequest {
  /** File name in the store's folder; `.safetensors` is added when it is missing. */
  readonly file: string;
  /** Called once, at the moment of the copy; the arrays are not kept. */
  readonly collect: () => CheckpointContents;
  readonly kinds: readonly CheckpointKind[];
  /** The metric that decided, for the kinds `best` and `top`. */
  readonly monitor?: string;
  /** Further file names with the same content, each an entry of its own. */
  readonly alsoAs?: readonly { file: string; kinds: readonly CheckpointKind[] }[];
}

/** A checkpoint that is copied and on its way to the disk. */
export interface PendingSave {
  /**
   * Fulfilled when the file and its index entry are on the disk. A failure also comes out of the
   * next `save` or `settle`, so it needs no handler.
   */
  readonly written: Promise<CheckpointEntry>;
}

/**
 * The checkpoints of one folder and their index, `checkpoints.json`. Saving copies everything
 * into one buffer that is used again and again, and writes it while training goes on; one write
 * is on its way at a time. A process killed at any moment leaves whole checkpoints only.
 * One store a folder at a time.
 */
export class CheckpointStore {
  readonly folder: string;
  readonly #ops: FileOps;
  readonly #buffer = new SnapshotBuffer();
  #entries: readonly CheckpointEntry[];
  #inFlight: Promise<unknown> | null = null;

  private constructor(folder: string, entries: readonly CheckpointEntry[], ops: FileOps) {
    this.folder = folder;
    this.#entries = entries;
    this.#ops = ops;
  }

  /**
   * Opens `folder`, which is made when it is missing, and removes what interrupted saves left.
   * @throws UsageError ERR_CHECKPOINT_PERMISSION, ERR_CHECKPOINT_WRITE
   */
  static async open(folder: string, ops: FileOps = fs): Promise<CheckpointStore> {
    try {
      await fs.mkdir(folder, { recursive: true });
      await sweepLeftovers(folder, ops);
    } catch (error) {
      throw writeError(folder, error);
    }
    return new CheckpointStore(folder, await readIndex(folder), ops);
  }

  /** All checkpoints in the order in which they were saved. */
  entries(): readonly CheckpointEntry[] {
    return this.#entries;
  }

  /** Absolute or relative as the folder is. */
  pathOf(file: string): string {
    return join(this.folder, file);
  }

  /**
   * Waits for the write on its way, copies, and returns while the copy is being written. The
   * training may go on as soon as this is fulfilled. An existing file is replaced when the new
   * one is complete.
   * @throws UsageError ERR_CHECKPOINT_STATE, ERR_CHECKPOINT_TENSOR, or why the write before failed
   */
  async save(request: SaveRequest): Promise<PendingSave> {
    // Looks again after each wait: another caller may have begun a write in the meantime.
    while (this.#inFlight !== null) await this.settle();
    const contents = request.collect();
    const file = fileNameOf(request.file);
    const snapshot = takeSnapshot(this.#buffer, this.pathOf(file), contents);
    const written = this.#write({ ...request, file }, contents.info, snapshot);
    this.#inFlight = written;
    // Reported by the next save or settle; without a handler of its own it would end the process.
    written.catch(() => undefined);
    return { written };
  }

  /** Waits for the write on its way and throws why it failed, once. Call it before the end. */
  async settle(): Promise<void> {
    const inFlight = this.#inFlight;
    try {
      await inFlight;
    } finally {
      if (this.#inFlight === inFlight) this.#inFlight = null;
    }
  }

  /** Removes a checkpoint; the index forgets it first. */
  async remove(file: string): Promise<void> {
    await this.#alone(async () => {
      await this.#replaceEntries(this.#entries.filter((entry) => entry.file !== file));
      try {
        await this.#ops.unlink(this.pathOf(file));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          throw writeError(this.pathOf(file), error);
        }
      }
      await syncFolder(this.folder, this.#ops);
    });
  }

  /** Sets what a saved checkpoint is; `best` is taken from the one that was best by `monitor`. */
  async tag(file: string, kinds: readonly CheckpointKind[], monitor?: string): Promise<void> {
    await this.#alone(async () => {
      const entry = this.#entries.find((candidate) => candidate.file === file);
      if (entry === undefined) throw this.#unknown(file);
      const tagged = { ...entry, kinds, monitor: monitor ?? entry.monitor };
      await this.#replaceEntries(withEntry(this.#entries, tagged).toSorted(bySavedAt));
    });
  }

  /** `file`, or with `-v1`, `-v2`, ... before its ending when there is one of that name. */
  freeName(file: string): string {
    const taken = new Set(this.#entries.map((entry) => entry.file.toLowerCase()));
    const name = fileNameOf(file);
    const stem = name.slice(0, -checkpointExtension.length);
    let free = name;
    for (let version = 1; taken.has(free.toLowerCase()); version++) {
      free = `${stem}-v${version}${checkpointExtension}`;
    }
    return free;
  }

  async #alone(change: () => Promise<void>): Promise<void> {
    while (this.#inFlight !== null) await this.settle();
    const changing = change();
    const quiet = changing.catch(() => undefined);
    this.#inFlight = quiet;
    try {
      await changing;
    } finally {
      if (this.#inFlight === quiet) this.#inFlight = null;
    }
  }

  async #write(
    request: SaveRequest,
    info: CheckpointInfo,
    snapshot: Snapshot,
  ): Promise<CheckpointEntry> {
    await persist(this.pathOf(request.file), snapshot, this.#ops);
    const entry: CheckpointEntry = {
      file: request.file,
      step: info.step,
      epoch: info.epoch,
      values: info.metrics,
      kinds: request.kinds,
      monitor: request.monitor ?? null,
      savedAt: snapshot.savedAt,
      bytes: snapshot.bytes.length,
    };
    let entries = withEntry(this.#entries, entry);
    for (const { file, kinds } of request.alsoAs ?? []) {
      const name = fileNameOf(file);
      await persist(this.pathOf(name), snapshot, this.#ops);
      entries = withEntry(entries, { ...entry, file: name, kinds });
    }
    await this.#replaceEntries(entries);
    return entry;
  }

  #unknown(file: string): UsageError {
    const known = this.#entries.map((entry) => entry.file).join(', ') || 'none';
    return new UsageError(
      'ERR_CHECKPOINT_MISSING',
      `${this.folder} has no checkpoint "${file}". It has: ${known}.`,
    );
  }

  async #replaceEntries(entries: readonly CheckpointEntry[]): Promise<void> {
    this.#entries = entries;
    try {
      await writeIndex(this.folder, entries, this.#ops);
    } catch (error) {
      throw writeError(this.folder, error);
    }
  }
}

function fileNameOf(file: string): string {
  const ending = file.endsWith(checkpointExtension) ? '' : checkpointExtension;
  return sanitizeFileName(file + ending);
}

// One best for each monitor: an older one stays as one of the top.
function withEntry(
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
