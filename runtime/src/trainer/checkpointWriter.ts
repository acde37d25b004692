import { basename, dirname, resolve } from 'node:path';
import { CheckpointStore, checkpointExtension } from '../checkpoint/index.ts';
import type { CheckpointContents } from '../checkpoint/index.ts';
import type { SaveOptions } from '../core/trainerContext.ts';

/** Saves checkpoints of a run to any folder; each folder has one store and one index. */
export class CheckpointWriter {
  readonly #collect: (options: SaveOptions) => Promise<CheckpointContents>;
  readonly #stores = new Map<string, Promise<CheckpointStore>>();

  constructor(collect: (options: SaveOptions) => Promise<CheckpointContents>) {
    this.#collect = collect;
  }

  /** @returns the absolute path of the file, which is replaced when it exists */
  async save(path: string, options: SaveOptions): Promise<string> {
    const store = await this.#store(dirname(path));
    const contents = await this.#collect(options);
    const name = basename(path);
    const file = name.endsWith(checkpointExtension) ? name : name + checkpointExtension;
    const { kinds = [], monitor, alsoAs } = options;
    const { written } = await store.save({
      file,
      collect: () => contents,
      kinds,
      ...(monitor !== undefined && { monitor }),
      ...(alsoAs !== undefined && { alsoAs }),
    });
    if (options.background !== true) await written;
    return store.pathOf(file);
  }

  async remove(path: string): Promise<void> {
    const store = await this.#store(dirname(path));
    await store.remove(basename(path));
  }

  /** Waits until everything is on the disk; throws when something could not be written. */
  async settle(): Promise<void> {
    for (const store of this.#stores.values()) await (await store).settle();
  }

  #store(folder: string): Promise<CheckpointStore> {
    const absolute = resolve(folder);
    let store = this.#stores.get(absolute);
    if (store === undefined) {
      store = CheckpointStore.open(absolute);
      this.#stores.set(absolute, store);
      // The next save may find the folder in order.
      store.catch(() => this.#stores.delete(absolute));
    }
    return store;
  }
}
