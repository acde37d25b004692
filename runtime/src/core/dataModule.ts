import { deepFreeze, toJson, type JsonObject } from './json.ts';
import type { Loaders } from './loader.ts';
import type { RunKind } from './stage.ts';

/** What `prepareData` may use: it has no `this`-state to fill, as it may run in another process. */
export interface PrepareContext {
  /** Prints a line about progress. */
  line(text: string): void;
}

/**
 * Data of a run, apart from the model: Lightning's LightningDataModule. Call order: `prepareData`
 * (once a machine), `setup`, then the loaders of the stages that run, `teardown`.
 */
export abstract class DataModule {
  /** The constructor's options, plain data only, frozen. */
  readonly hparams: JsonObject;

  constructor(hparams: object = {}) {
    this.hparams = deepFreeze(toJson(hparams) as JsonObject);
  }

  /** Downloads or converts, once a machine. Keep nothing in fields here. */
  prepareData?(context: PrepareContext): void | Promise<void>;

  /** Opens and splits the data. */
  setup?(kind: RunKind): void | Promise<void>;

  abstract trainDataloader(): Loaders;

  valDataloader?(): Loaders;

  testDataloader?(): Loaders;

  predictDataloader?(): Loaders;

  /** Lines about the data, printed once before training (sizes, planned epochs of a mix). */
  describe?(): string[];

  teardown?(kind: RunKind): void | Promise<void>;
}
