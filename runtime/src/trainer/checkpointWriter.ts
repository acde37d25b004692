import * as fs from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { CheckpointStore, checkpointExtension, SnapshotBuffer } from '../checkpoint/index.ts';
import type { CheckpointContents, PendingSave } from '../checkpoint/index.ts';
import type { SaveOptions } from '../core/trainerContext.ts';
import { isUsageError, messageOf } from '../errors.ts';

/** What is saved, and what must be on the disk before it counts. */
export interface Captured {
  readonly contents: CheckpointContents;
  readonly after?: Promise<unknown>;
  /** To be called when the save is over: what is marked `lent` may change from then on. */
  readonly release?: () => void;
}

/** What becomes of a training whose regular checkpoints cannot be written. */
export interface SavePolicy {
  readonly onError: 'continue' | 'stop';
  /** Tells the user; once for each kind of failure, and when it is over. */
  readonly line: (text: string) => void;
  /** Told of each file that got to the disk. */
  readonly wrote: (path: string, options: SaveOptions) => void;
}

/** Saves checkpoints of a run to any folder; each folder has one store and one index. */
export class CheckpointWriter {
  readonly #collect: (options: SaveOptions) => Promise<Captured>;
  readonly #policy: SavePolicy;
  readonly #stores = new Map<string, Promise<CheckpointStore>>();
  /** Why the newest background save failed; null when it is on the disk. */
  #failure: Error | null = null;
  /** For the store that is opened first. */
  #reserved: SnapshotBuffer | undefined;
  #watching: Promise<void> = Promise.resolve();
  /** Saves in the background that are not on the disk yet. */
  #underWay = 0;

  constructor(collect: (options: SaveOptions) => Promise<Captured>, policy: SavePolicy) {
    this.#collect = collect;
    this.#policy = policy;
  }

  /** Whether something is being written while training goes on. */
  get busy(): boolean {
    return this.#underWay > 0;
  }

  /** Finishes what a crash left undone in `folder`, which exists. */
  async open(folder: string): Promise<void> {
    await this.#store(folder);
  }

  /** Takes the memory for checkpoints of `bytes` bytes now: the first save then waits no longer. */
  reserve(bytes: number): void {
    this.#reserved = new SnapshotBuffer();
    this.#reserved.reserve(bytes);
  }

  /**
   * With `background` a failure to write is the policy's affair, and told to `options.settled`.
   * @returns the absolute path of the file, which is replaced when it exists
   */
  async save(path: string, options: SaveOptions): Promise<string> {
    const name = basename(path);
    const file = name.endsWith(checkpointExtension) ? name : name + checkpointExtension;
    const target = resolve(dirname(path), file);
    await this.#watching;
    try {
      if (this.#policy.onError === 'stop') this.#throwFailure();
      const { written } = await this.#begin(target, options);
      if (options.background === true) this.#watching = this.#watch(target, written, options);
      else await written.then(() => this.#succeeded(target, options));
    } catch (error) {
      options.settled?.(false);
      const tolerated = options.background === true && this.#policy.onError === 'continue';
      if (!tolerated || !isWriteFailure(error)) throw error;
      this.#failed(error);
    }
    return target;
  }

  async remove(path: string): Promise<void> {
    const store = await this.#store(dirname(path));
    await this.#watching;
    await store.remove(basename(path));
  }

  /**
   * Waits until everything is on the disk.
   * @throws why the newest save could not be written: what training reached would be lost unseen
   */
  async settle(): Promise<void> {
    await this.#watching;
    this.#throwFailure();
  }

  async #begin(target: string, options: SaveOptions): Promise<PendingSave> {
    const store = await this.#store(dirname(target));
    const { contents, after, release } = await this.#collect(options);
    const { kinds = [], monitor, alsoAs, removes } = options;
    return store.save({
      file: basename(target),
      collect: () => contents,
      kinds,
      ...(monitor !== undefined && { monitor }),
      ...(alsoAs !== undefined && { alsoAs }),
      ...(removes !== undefined && { removes: removes.map((other) => basename(other)) }),
      ...(after !== undefined && { after }),
      ...(release !== undefined && { release }),
    });
  }

  /** Never rejects. */
  async #watch(target: string, written: Promise<unknown>, options: SaveOptions): Promise<void> {
    this.#underWay++;
    try {
      await written;
    } catch (error) {
      // Said here, so the store need not say it once more.
      await (await this.#store(dirname(target))).settle().catch(() => undefined);
      options.settled?.(false);
      this.#failed(error);
      return;
    } finally {
      this.#underWay--;
    }
    this.#succeeded(target, options);
    options.settled?.(true);
  }

  #succeeded(target: string, options: SaveOptions): void {
    if (this.#failure !== null) this.#policy.line('Checkpoints are written again.');
    this.#failure = null;
    this.#policy.wrote(target, options);
  }

  #failed(error: unknown): void {
    const before = codeOf(this.#failure);
    this.#failure = error instanceof Error ? error : new Error(messageOf(error));
    if (this.#policy.onError === 'continue' && before !== codeOf(error)) {
      this.#policy.line(`Not saved, training goes on: ${messageOf(error)}`);
    }
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  #store(folder: string): Promise<CheckpointStore> {
    const absolute = resolve(folder);
    let store = this.#stores.get(absolute);
    if (store === undefined) {
      store = CheckpointStore.open(absolute, fs, this.#reserved);
      this.#reserved = undefined;
      this.#stores.set(absolute, store);
      // The next save may find the folder in order.
      store.catch(() => this.#stores.delete(absolute));
    }
    return store;
  }
}

const writeFailures = [
  'ERR_CHECKPOINT_DISK_FULL',
  'ERR_CHECKPOINT_PERMISSION',
  'ERR_CHECKPOINT_WRITE',
  'ERR_LOGGER_WRITE',
];

function isWriteFailure(error: unknown): boolean {
  return isUsageError(error) && writeFailures.includes(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
