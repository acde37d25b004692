import { z } from 'zod';
import { allocateFloats } from '../floatSlab.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Rng } from '../../random/rng.ts';
import type { Transform } from './transform.ts';
import { changeImage, type FloatImage } from './imageField.ts';
import { imageField } from './imageOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const randomAffineSchema = z.strictObject({
  degrees: z.number().min(0).default(0).describe('Largest rotation either way'),
  translate: z.number().min(0).max(1).default(0).describe('Largest shift, as a share of the size'),
  scale: z
    .tuple([z.number().positive(), z.number().positive()])
    .default([1, 1])
    .describe('Smallest and largest magnification'),
  fill: z.number().default(0).describe('Value of pixels from outside the image'),
  field: imageField,
});

/** Rotates, shifts and scales about the centre, with bilinear interpolation. */
export class RandomAffine implements Transform {
  static readonly schema = randomAffineSchema;
  readonly name = 'random_affine';
  readonly version = 1;
  readonly random = true;
  readonly parameters: z.output<typeof randomAffineSchema>;

  constructor(options: z.input<typeof randomAffineSchema> = {}) {
    this.parameters = parseOptions(randomAffineSchema, options, 'RandomAffine');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<RandomAffine>(this, RandomAffine, ['apply'], () => ({
      module: import.meta.url,
      name: 'RandomAffine',
      args: [this.parameters],
    }));
  }

  apply(sample: unknown, rng: Rng): unknown {
    const { degrees, translate, scale, fill, field } = this.parameters;
    return changeImage(sample, field, this.name, (image) => {
      const angle = (between(rng, -degrees, degrees) * Math.PI) / 180;
      const zoom = between(rng, scale[0], scale[1]);
      const shiftY = between(rng, -translate, translate) * image.height;
      const shiftX = between(rng, -translate, translate) * image.width;
      const cosine = Math.cos(angle) / zoom;
      const sine = Math.sin(angle) / zoom;
      return resample(image, { cosine, sine, shiftY, shiftX, fill });
    });
  }
}

interface Mapping {
  cosine: number;
  sine: number;
  shiftY: number;
  shiftX: number;
  fill: number;
}

/** Asks for every pixel of the result where it comes from (the inverse map). */
function resample(image: FloatImage, { cosine, sine, shiftY, shiftX, fill }: Mapping): FloatImage {
  const { height, width, channels } = image;
  const data = allocateFloats(image.data.length);
  const centerY = (height - 1) / 2;
  const centerX = (width - 1) / 2;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const y = row - centerY - shiftY;
      const x = column - centerX - shiftX;
      const sourceY = centerY + cosine * y - sine * x;
      const sourceX = centerX + sine * y + cosine * x;
      const to = (row * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        data[to + channel] = bilinear(image, sourceY, sourceX, channel, fill);
      }
    }
  }
  return { ...image, data };
}

function bilinear(image: FloatImage, y: number, x: number, channel: number, fill: number): number {
  const top = Math.floor(y);
  const left = Math.floor(x);
  const weightY = y - top;
  const weightX = x - left;
  const pixel = (row: number, column: number): number =>
    row < 0 || column < 0 || row >= image.height || column >= image.width
      ? fill
      : image.data[(row * image.width + column) * image.channels + channel];
  const upper = pixel(top, left) * (1 - weightX) + pixel(top, left + 1) * weightX;
  const lower = pixel(top + 1, left) * (1 - weightX) + pixel(top + 1, left + 1) * weightX;
  return upper * (1 - weightY) + lower * weightY;
}

function between(rng: Rng, low: number, high: number): number {
  return low + (high - low) * rng.uniform();
}
