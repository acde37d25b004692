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
  readonly version = 2;
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

/**
 * Asks for every pixel of the result where it comes from (the inverse map). Written out in one
 * function: numbers that are passed to others a pixel would be boxed, at twice the time.
 */
function resample(image: FloatImage, { cosine, sine, shiftY, shiftX, fill }: Mapping): FloatImage {
  const { height, width, channels } = image;
  const source = framed(image, fill);
  const row = (width + 2) * channels;
  const data = allocateFloats(image.data.length);
  const centerY = (height - 1) / 2;
  const centerX = (width - 1) / 2;
  let to = 0;
  for (let line = 0; line < height; line++) {
    const y = line - centerY - shiftY;
    for (let column = 0; column < width; column++) {
      const x = column - centerX - shiftX;
      const sourceY = centerY + cosine * y - sine * x;
      const sourceX = centerX + sine * y + cosine * x;
      if (sourceY > -1 && sourceX > -1 && sourceY < height && sourceX < width) {
        // The frame is one pixel wide.
        const top = (sourceY + 1) | 0;
        const left = (sourceX + 1) | 0;
        const below = sourceY - (top - 1);
        const right = sourceX - (left - 1);
        let at = top * row + left * channels;
        for (let channel = 0; channel < channels; channel++, at++, to++) {
          const upper = source[at] * (1 - right) + source[at + channels] * right;
          const lower = source[at + row] * (1 - right) + source[at + row + channels] * right;
          data[to] = upper * (1 - below) + lower * below;
        }
      } else {
        for (let channel = 0; channel < channels; channel++, to++) data[to] = fill;
      }
    }
  }
  return { ...image, data };
}

let frame = new Float32Array(0);

/** The image with a pixel of `fill` all around, so that every pixel has neighbours. Reused. */
function framed({ data, height, width, channels }: FloatImage, fill: number): Float32Array {
  const row = (width + 2) * channels;
  const size = row * (height + 2);
  if (frame.length < size) frame = new Float32Array(size);
  frame.fill(fill, 0, size);
  for (let line = 0; line < height; line++) {
    const from = line * width * channels;
    const to = (line + 1) * row + channels;
    for (let index = 0; index < width * channels; index++) frame[to + index] = data[from + index];
  }
  return frame;
}

function between(rng: Rng, low: number, high: number): number {
  return low + (high - low) * rng.uniform();
}
