import { z } from 'zod';
import { parseOptions } from '../parseOptions.ts';
import type { Rng } from '../../random/rng.ts';
import type { BatchReader, ByteImage, ImageWriter } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { imageField, perChannel, probability, channelValues } from './imageOptions.ts';
import { Normalize } from './normalize.ts';
import { RandomCrop } from './randomCrop.ts';
import { RandomHorizontalFlip } from './randomHorizontalFlip.ts';
import { Compose, type Transform } from './transform.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const imageTransformSchema = z.strictObject({
  padding: z
    .int()
    .min(0)
    .default(0)
    .describe('Random shift by up to this many pixels: padding and a crop to the old size'),
  flip: probability.default(0).describe('Share of images that are mirrored left and right'),
  fill: z.number().default(0).describe('Value of pixels from outside the image'),
  mean: perChannel.default(0).describe('Subtracted at the end; one number or one a channel'),
  std: perChannel.default(1).describe('Divided by at the end; one number or one a channel'),
  field: imageField,
});

/**
 * Random crop, flip and normalisation in one. On datasets of bytes (`IdxDataset`) all of it happens
 * in the pass that makes the batch; elsewhere, and with the same result, sample by sample.
 * Not random when `padding` and `flip` are 0.
 */
export class ImageTransform implements Transform {
  static readonly schema = imageTransformSchema;
  readonly name = 'image';
  readonly version = 1;
  readonly random: boolean;
  readonly parameters: z.output<typeof imageTransformSchema>;
  readonly #chain: Compose;

  constructor(options: z.input<typeof imageTransformSchema> = {}) {
    this.parameters = parseOptions(imageTransformSchema, options, 'ImageTransform');
    const { padding, flip, fill, mean, std, field } = this.parameters;
    this.random = padding > 0 || flip > 0;
    this.#chain = new Compose([
      ...(padding > 0 ? [new RandomCrop({ padding, fill, field })] : []),
      ...(flip > 0 ? [new RandomHorizontalFlip({ p: flip, field })] : []),
      new Normalize({ mean, std, field }),
    ]);
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<ImageTransform>(this, ImageTransform, ['apply', 'fuse'], () => ({
      module: import.meta.url,
      name: 'ImageTransform',
      args: [this.parameters],
    }));
  }

  apply(sample: unknown, rng: Rng): unknown {
    return this.#chain.apply(sample, rng);
  }

  fuse(dataset: Dataset): BatchReader | undefined {
    const { field } = this.parameters;
    if (field === null) return undefined;
    return dataset.reader?.({ [field]: { prepare: (image) => this.#writer(image) } });
  }

  /** Draws in the order of the chain, so that both ways give the same images. */
  #writer(image: ByteImage): ImageWriter {
    const { padding, flip } = this.parameters;
    const { random } = this;
    const write = windowWriter(image, this.#tables(image), this.#fill(image.channels));
    return (source, from, out, to, rngOf) => {
      let top = 0;
      let left = 0;
      let mirrored = false;
      if (random) {
        const rng = rngOf();
        if (padding > 0) {
          top = rng.int(2 * padding + 1) - padding;
          left = rng.int(2 * padding + 1) - padding;
        }
        if (flip > 0) mirrored = rng.uniform() < flip;
      }
      write(source, from, out, to, top, left, mirrored);
    };
  }

  /** Byte -> normalised value, one table of 256 a channel. */
  #tables({ channels, values }: ByteImage): Float32Array {
    const mean = channelValues(this.parameters.mean, channels);
    const std = channelValues(this.parameters.std, channels);
    const tables = new Float32Array(256 * channels);
    for (let channel = 0; channel < channels; channel++) {
      for (let byte = 0; byte < 256; byte++) {
        tables[256 * channel + byte] = (values[byte] - mean[channel]) / std[channel];
      }
    }
    return tables;
  }

  #fill(channels: number): Float32Array {
    const mean = channelValues(this.parameters.mean, channels);
    const std = channelValues(this.parameters.std, channels);
    const fill = Math.fround(this.parameters.fill);
    return mean.map((value, channel) => (fill - value) / std[channel]);
  }
}

type WindowWriter = (
  source: Uint8Array,
  from: number,
  out: Float32Array,
  to: number,
  top: number,
  left: number,
  mirrored: boolean,
) => void;

/** Bounds are settled a row at a time: a test inside the pixel loop would halve the speed. */
function windowWriter(image: ByteImage, tables: Float32Array, fill: Float32Array): WindowWriter {
  const { height, width, channels } = image;
  const rowLength = width * channels;
  const fillPixels = (out: Float32Array, start: number, end: number): void => {
    for (let index = start, channel = 0; index < end; index++) {
      out[index] = fill[channel];
      if (++channel === channels) channel = 0;
    }
  };
  return (source, from, out, to, top, left, mirrored) => {
    // Of the window's columns those with pixels behind them; mirrored, they change sides.
    const first = Math.max(0, -left);
    const end = Math.min(width, width - left);
    for (let row = 0; row < height; row++) {
      const target = to + row * rowLength;
      const sourceRow = row + top;
      if (sourceRow < 0 || sourceRow >= height || end <= first) {
        fillPixels(out, target, target + rowLength);
        continue;
      }
      const begin = mirrored ? width - end : first;
      const count = end - first;
      fillPixels(out, target, target + begin * channels);
      fillPixels(out, target + (begin + count) * channels, target + rowLength);
      const pixels = from + (sourceRow * width + first + left) * channels;
      copyRow(source, pixels, out, target + begin * channels, count, channels, tables, mirrored);
    }
  };
}

function copyRow(
  source: Uint8Array,
  from: number,
  out: Float32Array,
  to: number,
  count: number,
  channels: number,
  tables: Float32Array,
  mirrored: boolean,
): void {
  if (channels === 1) {
    if (mirrored) copyMirrored(source, from + count - 1, out, to, count, tables);
    else copyForward(source, from, out, to, count, tables);
    return;
  }
  for (let pixel = 0; pixel < count; pixel++) {
    const start = from + (mirrored ? count - 1 - pixel : pixel) * channels;
    for (let channel = 0; channel < channels; channel++) {
      out[to + pixel * channels + channel] = tables[256 * channel + source[start + channel]];
    }
  }
}

// Four pixels a turn: rows are short and the loop itself costs as much as what is in it.
function copyForward(
  source: Uint8Array,
  from: number,
  out: Float32Array,
  to: number,
  count: number,
  table: Float32Array,
): void {
  let index = 0;
  for (; index + 4 <= count; index += 4) {
    const at = from + index;
    const target = to + index;
    out[target] = table[source[at]];
    out[target + 1] = table[source[at + 1]];
    out[target + 2] = table[source[at + 2]];
    out[target + 3] = table[source[at + 3]];
  }
  for (; index < count; index++) out[to + index] = table[source[from + index]];
}

function copyMirrored(
  source: Uint8Array,
  last: number,
  out: Float32Array,
  to: number,
  count: number,
  table: Float32Array,
): void {
  let index = 0;
  for (; index + 4 <= count; index += 4) {
    const at = last - index;
    const target = to + index;
    out[target] = table[source[at]];
    out[target + 1] = table[source[at - 1]];
    out[target + 2] = table[source[at - 2]];
    out[target + 3] = table[source[at - 3]];
  }
  for (; index < count; index++) out[to + index] = table[source[last - index]];
}
