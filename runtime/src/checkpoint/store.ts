import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { linkFile, sweepLeftovers, syncFolder } from '../core/atomicFile.ts';
import type { FileOps } from '../core/atomicFile.ts';
import { sanitizeFileName } from '../core/fileNames.ts';
import { bySavedAt, withEntry, writeIndex } from './checkpointIndex.ts';
import type { CheckpointEntry, CheckpointKind } from './checkpointIndex.ts';
import type { CheckpointContents, CheckpointInfo, SaveRecord } from './contents.ts';
import { finishSaves } from './finishSaves.ts';
import { checkpointExtension } from './readCheckpoint.ts';
import { SnapshotBuffer } from './snapshotBuffer.ts';
import type { Snapshot } from './snapshotBuffer.ts';
import { persist, takeSnapshot, writeError } from './writeCheckpoint.ts';

/** What to save, and under which names. */
export interface SaveRequest {
  /** File name in the store's folder; `.safetensors` is added when it is missing. */
  readonly file: string;
  /** Called once, at the moment of the copy; only arrays marked `lent` are kept, until `release`. */
  readonly collect: () => CheckpointContents;
  readonly kinds: readonly CheckpointKind[];
  /** The metric that decided, for the kinds `best` and `top`. */
  readonly monitor?: string;
  /** Further names of the file, each an entry of its own. */
  readonly alsoAs?: readonly { file: string; kinds: readonly CheckpointKind[] }[];
  /** Files of the folder to remove, once this one is safely there. */
  readonly removes?: readonly string[];
  /** Called once the save is over, whichever way: tensors marked `lent` may change again. */
  readonly release?: () => void;
  /** What the file relies on (logged rows): it gets its name after that is done. */
  readonly after?: Promise<unknown>;
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
  readonly #buffer: SnapshotBuffer;
  #entries: readonly CheckpointEntry[];
  #inFlight: Promise<unknown> | null = null;

  private constructor(
    folder: string,
    entries: readonly CheckpointEntry[],
    ops: FileOps,
    buffer: SnapshotBuffer,
  ) {
    this.#buffer = buffer;
    this.folder = folder;
    this.#entries = entries;
    this.#ops = ops;
  }

  /**
   * Opens `folder`, which is made when it is missing, finishes the save that a crash interrupted
   * after its file was there, and removes what other interrupted saves left.
   * @param buffer memory of this store alone, for one that has been taken before
   * @throws UsageError ERR_CHECKPOINT_PERMISSION, ERR_CHECKPOINT_WRITE
   */
  static async open(
    folder: string,
    ops: FileOps = fs,
    buffer = new SnapshotBuffer(),
  ): Promise<CheckpointStore> {
    try {
      await fs.mkdir(folder, { recursive: true });
      await sweepLeftovers(folder, ops);
      return new CheckpointStore(folder, await finishSaves(folder, ops), ops, buffer);
    } catch (error) {
      throw writeError(folder, error);
    }
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
    try {
      // Looks again after each wait: another caller may have begun a write in the meantime.
      while (this.#inFlight !== null) await this.settle();
      const contents = request.collect();
      const save = recordOf(request);
      const snapshot = takeSnapshot(this.#buffer, this.pathOf(save.file), { ...contents, save });
      const written = this.#write(request, save, contents.info, snapshot);
      this.#inFlight = written;
      // Reported by the next save or settle; without a handler of its own it would end the process.
      written.catch(() => undefined);
      return { written };
    } catch (error) {
      request.release?.();
      throw error;
    }
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
      await this.#unlink(file);
      await this.#sync();
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
    const changing = this.#insist(change);
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
    save: SaveRecord,
    info: CheckpointInfo,
    snapshot: Snapshot,
  ): Promise<CheckpointEntry> {
    try {
      return await this.#insist(() => this.#writeOnce(request, save, info, snapshot));
    } finally {
      request.release?.();
    }
  }

  // In this order a crash leaves a checkpoint that says itself what was still to be done.
  async #writeOnce(
    { after, kinds, monitor, alsoAs = [] }: SaveRequest,
    { file, removes }: SaveRecord,
    { step, epoch, metrics: values }: CheckpointInfo,
    snapshot: Snapshot,
  ): Promise<CheckpointEntry> {
    // The index comes into the same folder right after, and both are synced together.
    await persist(this.pathOf(file), snapshot, this.#ops, after ?? Promise.resolve());
    const entry: CheckpointEntry = {
      ...{ file, step, epoch, values, kinds, monitor: monitor ?? null },
      ...{ savedAt: snapshot.savedAt, bytes: snapshot.length },
    };
    let entries = withEntry(this.#entries, entry);
    for (const alias of alsoAs) {
      const name = fileNameOf(alias.file);
      await this.#try(name, () => linkFile(this.pathOf(file), this.pathOf(name), this.#ops));
      entries = withEntry(entries, { ...entry, file: name, kinds: alias.kinds });
    }
    await this.#replaceEntries(entries.filter((other) => !removes.includes(other.file)));
    for (const name of removes) await this.#unlink(name);
    if (removes.length > 0) await this.#sync();
    return entry;
  }

  /** Once more, in a folder made again, when somebody removed it or files in it meanwhile. */
  async #insist<T>(change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } catch (error) {
      if (!isMissing((error as Error).cause)) throw error;
      await this.#try('', async () => {
        await fs.mkdir(this.folder, { recursive: true });
        const there = new Set(await this.#ops.readdir(this.folder));
        this.#entries = this.#entries.filter((entry) => there.has(entry.file));
      });
      return change();
    }
  }

  async #sync(): Promise<void> {
    await this.#try('', () => syncFolder(this.folder, this.#ops));
  }

  async #unlink(file: string): Promise<void> {
    await this.#try(file, () =>
      this.#ops.unlink(this.pathOf(file)).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      }),
    );
  }

  async #try<T>(file: string, change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } catch (error) {
      throw writeError(this.pathOf(file), error);
    }
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

function recordOf({ file, kinds, monitor, alsoAs = [], removes = [] }: SaveRequest): SaveRecord {
  const name = fileNameOf(file);
  const aliases = alsoAs.map((alias) => ({ file: fileNameOf(alias.file), kinds: alias.kinds }));
  const kept = new Set([name, ...aliases.map((alias) => alias.file)]);
  return {
    ...{ file: name, kinds, monitor: monitor ?? null, alsoAs: aliases },
    removes: removes.map(fileNameOf).filter((other) => !kept.has(other)),
  };
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
