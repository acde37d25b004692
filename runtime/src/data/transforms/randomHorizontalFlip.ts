import { z } from 'zod';
import { allocateFloats } from '../floatSlab.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Rng } from '../../random/rng.ts';
import type { Transform } from './transform.ts';
import { changeImage, type FloatImage } from './imageField.ts';
import { imageField, probability } from './imageOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const randomHorizontalFlipSchema = z.strictObject({
  p: probability.default(0.5).describe('Share of images that are mirrored'),
  field: imageField,
});

/** Mirrors left and right with probability `p`. */
export class RandomHorizontalFlip implements Transform {
  static readonly schema = randomHorizontalFlipSchema;
  readonly name = 'random_horizontal_flip';
  readonly version = 1;
  readonly random = true;
  readonly parameters: z.output<typeof randomHorizontalFlipSchema>;

  constructor(options: z.input<typeof randomHorizontalFlipSchema> = {}) {
    this.parameters = parseOptions(randomHorizontalFlipSchema, options, 'RandomHorizontalFlip');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<RandomHorizontalFlip>(
      this,
      RandomHorizontalFlip,
      ['apply'],
      () => ({
        module: import.meta.url,
        name: 'RandomHorizontalFlip',
        args: [this.parameters],
      }),
    );
  }

  apply(sample: unknown, rng: Rng): unknown {
    const flip = rng.uniform() < this.parameters.p;
    return changeImage(sample, this.parameters.field, this.name, (image) =>
      flip ? mirrorImage(image) : image,
    );
  }
}

function mirrorImage(image: FloatImage): FloatImage {
  const { data: source, height, width, channels } = image;
  const data = allocateFloats(image.data.length);
  for (let row = 0; row < height; row++) {
    if (channels === 1) {
      const start = row * width;
      const last = start + width - 1;
      for (let column = 0; column < width; column++) data[start + column] = source[last - column];
      continue;
    }
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * channels;
      const to = (row * width + width - 1 - column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        data[to + channel] = source[from + channel];
      }
    }
  }
  return { ...image, data };
}
