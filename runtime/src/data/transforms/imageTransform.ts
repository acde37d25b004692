import { z } from 'zod';
import { parseOptions } from '../parseOptions.ts';
import type { Rng } from '../../random/rng.ts';
import type { BatchReader, ByteImage, ImageWriter } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { imageField, perChannel, probability, channelValues } from './imageOptions.ts';
import { Normalize } from './normalize.ts';
import { pixelWriter } from './pixelWriter.ts';
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
    const write = pixelWriter(image, this.#tables(image), this.#fill(image.channels));
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
      write(source, from, out, to, { top, left, mirrored });
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
