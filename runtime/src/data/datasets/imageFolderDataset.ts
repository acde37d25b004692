import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { z } from 'zod';
import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import type { Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { decodeImage } from '../formats/imageDecoder.ts';
import { imageSampleOptions, imageTensor } from '../formats/imageSample.ts';
import { unreadable } from '../formats/randomAccessFile.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { resolveDataPath } from './dataPath.ts';

export const imageFolderDatasetSchema = z.strictObject({
  path: z.string().describe('Folder with a folder of images for each class'),
  ...imageSampleOptions,
  extensions: z
    .array(z.string())
    .min(1)
    .default(['.jpg', '.jpeg', '.png', '.webp'])
    .describe('Endings of the files to use; others are left out'),
});

export type ImageFolderDatasetOptions = z.input<typeof imageFolderDatasetSchema>;
type Options = z.output<typeof imageFolderDatasetSchema>;

/** A sample: the image [height, width, channels] and the place of its class among `classes`. */
export interface ImageFolderSample {
  readonly image: HostTensor;
  readonly label: number;
}

/**
 * Images in one folder a class (`cats/1.jpg`, `dogs/sub/2.png`). Classes and files are sorted by
 * name. `image` is float32 [height, width, 3] (or 1 for `color: grey`), (byte / 255 - mean) / std;
 * `label` is the index of the class, int32. Images are decoded by `@napi-rs/image` (jpeg) or
 * `sharp`, small png (and jpeg where both are missing) by `@jsquash/png` and `@jsquash/jpeg`:
 * install what you need. `get` gives a promise.
 *
 * `new ImageFolderDataset({ path: 'photos/train', resize: 64 })`
 */
export class ImageFolderDataset implements Dataset<ImageFolderSample> {
  static readonly schema = imageFolderDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** Names of the folders; a label is an index of it. */
  readonly classes: readonly string[];
  /** Paths of the images below the folder, by sample. */
  readonly files: readonly string[];
  readonly #options: Options;
  readonly #root: string;
  readonly #labels: Int32Array;
  #shape: { readonly shape: readonly number[]; readonly file: string } | undefined;

  /** @throws UsageError for missing or unreadable folders, no classes, and classes without images */
  constructor(options: ImageFolderDatasetOptions) {
    this.#options = parseOptions(imageFolderDatasetSchema, options, 'ImageFolderDataset');
    this.#root = resolveDataPath(this.#options.path);
    this.classes = classFolders(this.#root);
    const found = this.classes.map((name) => imagesBelow(this.#root, name, this.#options));
    this.files = found.flat();
    this.#labels = Int32Array.from(found.flatMap((files, label) => files.map(() => label)));
    this.length = this.files.length;
    const { resize, color, scale } = this.#options;
    this.columns = {
      ...(resize !== null && {
        image: {
          dtype: scale ? 'float32' : 'int32',
          shape: [...sidesOf(resize), color === 'grey' ? 1 : 3],
        },
      }),
      label: { dtype: 'int32', shape: [] },
    };
  }

  async get(index: number): Promise<ImageFolderSample> {
    const file = this.files.at(index);
    if (!Number.isInteger(index) || index < 0 || file === undefined) {
      throw new RangeError(`Image ${index} of ${this.length} in ${this.#root}.`);
    }
    const image = await this.#load(file);
    if (this.#options.resize === null && !this.#options.anySize) await this.#checkSize(image, file);
    return { image, label: this.#labels[index] };
  }

  /** sha256 of the options and of every file's name and size (not of its bytes). */
  get fingerprint(): string {
    const hash = createHash('sha256').update(JSON.stringify({ ...this.#options, path: '' }));
    for (const file of this.files) {
      hash.update(`${file} ${statSync(join(this.#root, file)).size}\n`);
    }
    return hash.digest('hex');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<ImageFolderDataset>(this, ImageFolderDataset, ['get'], () => ({
      module: import.meta.url,
      name: 'ImageFolderDataset',
      args: [this.#options],
    }));
  }

  async #load(file: string): Promise<HostTensor> {
    const path = join(this.#root, file);
    const { color, resize, decoder } = this.#options;
    const bytes = readSmall(path) ?? (await readLarge(path));
    const grey = color === 'grey';
    const sides = resize === null ? null : sidesOf(resize);
    return imageTensor(
      await decodeImage(bytes, path, { grey, resize: sides, decoder }),
      this.#options,
    );
  }

  /** Against the first file, so that the answer does not depend on which sample comes first. */
  async #checkSize(image: HostTensor, file: string): Promise<void> {
    const [first] = this.files;
    this.#shape ??= { shape: (await this.#load(first)).shape, file: first };
    if (image.shape.every((size, axis) => size === this.#shape?.shape[axis])) return;
    throw new UsageError(
      'ERR_DATA_MISMATCH',
      `${join(this.#root, file)} is [${image.shape.join(', ')}], but ${this.#shape.file} is [${this.#shape.shape.join(', ')}]. ` +
        'Set resize (resize: 64, or [height, width]), or any_size with a transform that makes them equal.',
    );
  }
}

function sidesOf(resize: number | readonly [number, number]): [number, number] {
  return typeof resize === 'number' ? [resize, resize] : [...resize];
}

/** Without a turn of the event loop, which costs more than reading a few pages of cached file. */
function readSmall(path: string): Buffer | undefined {
  try {
    return statSync(path).size <= 1_000_000 ? readFileSync(path) : undefined;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readLarge(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function classFolders(root: string): string[] {
  const folders = list(root).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  if (folders.length > 0) return folders.map(({ name }) => name).sort();
  throw new UsageError(
    'ERR_DATA_EMPTY',
    `${root} holds no folders; a folder of images is needed for each class, such as ${join(root, 'cats')}.`,
  );
}

function imagesBelow(root: string, name: string, options: Options): string[] {
  const endings = options.extensions.map((ending) => ending.toLowerCase());
  const others = new Set<string>();
  const walk = (folder: string): string[] =>
    list(join(root, folder)).flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return walk(path);
      const ending = extname(entry.name).toLowerCase();
      if (endings.includes(ending)) return [path];
      others.add(ending);
      return [];
    });
  const files = walk(name).sort();
  if (files.length > 0) return files;
  const found =
    others.size === 0 ? 'is empty' : `holds only files ending in ${[...others].join(', ')}`;
  throw new UsageError(
    'ERR_DATA_EMPTY',
    `The class folder ${join(root, name)} ${found}; expected images ending in ${endings.join(', ')}. Remove the folder, or set extensions.`,
  );
}

function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}
