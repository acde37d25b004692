import type { HostTensor } from '../../core/batch.ts';
import type { BatchReader, Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import type { StoredFields } from '../formats/storedFields.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

/** Arrays in files, one a field; the first axis of each counts the samples. */
export abstract class StoredDataset implements Dataset<Record<string, HostTensor | number>> {
  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  readonly #fields: StoredFields;

  protected constructor(fields: StoredFields) {
    this.#fields = fields;
    this.length = fields.length;
    this.columns = fields.columns;
  }

  get(index: number): Record<string, HostTensor | number> {
    return this.#fields.get(index);
  }

  /** sha256 of the files: of all bytes up to 4 MB, of 64 parts of larger ones. */
  get fingerprint(): string {
    return this.#fields.fingerprint;
  }

  reader(kernels?: Readonly<Record<string, unknown>>): BatchReader | undefined {
    return this.#fields.reader(kernels);
  }

  /** What is in memory is shared with a thread; otherwise the thread opens the files as `files` says. */
  protected recipeFor(
    type: abstract new (...args: never[]) => StoredDataset,
    files: Recipe,
  ): Recipe | undefined {
    return recipeUnlessOverridden<StoredDataset>(this, type, ['get', 'reader'], () =>
      this.#fields.inMemory ? this.#fields.table.recipe() : files,
    );
  }
}
