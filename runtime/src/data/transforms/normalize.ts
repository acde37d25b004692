import { z } from 'zod';
import { allocateFloats } from '../floatSlab.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Transform } from './transform.ts';
import { changeImage, type FloatImage } from './imageField.ts';
import { channelValues, imageField, perChannel } from './imageOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const normalizeSchema = z.strictObject({
  mean: perChannel.default(0).describe('Subtracted; one number or one a channel'),
  std: perChannel.default(1).describe('Divided by afterwards; one number or one a channel'),
  field: imageField,
});

/** (value - mean) / std, channel by channel. */
export class Normalize implements Transform {
  static readonly schema = normalizeSchema;
  readonly name = 'normalize';
  readonly version = 1;
  readonly random = false;
  readonly parameters: z.output<typeof normalizeSchema>;

  constructor(options: z.input<typeof normalizeSchema> = {}) {
    this.parameters = parseOptions(normalizeSchema, options, 'Normalize');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<Normalize>(this, Normalize, ['apply'], () => ({
      module: import.meta.url,
      name: 'Normalize',
      args: [this.parameters],
    }));
  }

  apply(sample: unknown): unknown {
    return changeImage(sample, this.parameters.field, this.name, (image) => this.#normalize(image));
  }

  #normalize(image: FloatImage): FloatImage {
    const { data: source, channels } = image;
    const mean = channelValues(this.parameters.mean, channels);
    const std = channelValues(this.parameters.std, channels);
    const data = allocateFloats(source.length);
    for (let channel = 0; channel < channels; channel++) {
      const shift = mean[channel];
      const divisor = std[channel];
      for (let index = channel; index < data.length; index += channels) {
        data[index] = (source[index] - shift) / divisor;
      }
    }
    return { ...image, data };
  }
}
