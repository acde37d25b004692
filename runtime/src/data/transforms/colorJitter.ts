import { z } from 'zod';
import { allocateFloats } from '../floatSlab.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Rng } from '../../random/rng.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { changeImage, type FloatImage } from './imageField.ts';
import { imageField } from './imageOptions.ts';
import type { Transform } from './transform.ts';

const strength = (what: string): z.ZodDefault<z.ZodNumber> =>
  z
    .number()
    .min(0)
    .default(0)
    .describe(`${what} is multiplied by a factor from 1 - this (at least 0) to 1 + this`);

export const colorJitterSchema = z.strictObject({
  brightness: strength('Every value'),
  contrast: strength('The distance of every value from the mean grey of the image'),
  saturation: strength('The distance of every pixel from its own grey'),
  range: z
    .tuple([z.number(), z.number()])
    .nullable()
    .default([0, 1])
    .describe('Results are cut to this range; null for values that were normalised before'),
  field: imageField,
});

/**
 * Random brightness, contrast and saturation, one after the other in this order. Grey is the luma
 * of ITU-R 601 in images of 3 channels; images of other channels keep their saturation, and the
 * mean of all their values is their grey.
 */
export class ColorJitter implements Transform {
  static readonly schema = colorJitterSchema;
  readonly name = 'color_jitter';
  readonly version = 1;
  readonly random = true;
  readonly parameters: z.output<typeof colorJitterSchema>;

  constructor(options: z.input<typeof colorJitterSchema> = {}) {
    this.parameters = parseOptions(colorJitterSchema, options, 'ColorJitter');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<ColorJitter>(this, ColorJitter, ['apply'], () => ({
      module: import.meta.url,
      name: 'ColorJitter',
      args: [this.parameters],
    }));
  }

  apply(sample: unknown, rng: Rng): unknown {
    const { brightness, contrast, saturation, range, field } = this.parameters;
    return changeImage(sample, field, this.name, (image) => {
      const factors = {
        brightness: factor(rng, brightness),
        contrast: factor(rng, contrast),
        saturation: factor(rng, saturation),
      };
      return jitterColors(image, factors, range ?? [-Infinity, Infinity]);
    });
  }
}

/** Drawn whatever the strength, so that one option does not change what the others draw. */
function factor(rng: Rng, strength: number): number {
  const low = Math.max(0, 1 - strength);
  return low + (1 + strength - low) * rng.uniform();
}

/** The change by given factors; 1 leaves all as it is. */
export function jitterColors(
  image: FloatImage,
  factors: { brightness: number; contrast: number; saturation: number },
  [low, high]: readonly [number, number],
): FloatImage {
  const { data: source, channels } = image;
  const data = allocateFloats(source.length);
  const cut = (value: number): number => Math.min(high, Math.max(low, value));
  for (let index = 0; index < data.length; index++) {
    data[index] = cut(source[index] * factors.brightness);
  }
  if (factors.contrast !== 1) {
    const grey = meanGrey(data, channels);
    for (let index = 0; index < data.length; index++) {
      data[index] = cut(grey + (data[index] - grey) * factors.contrast);
    }
  }
  if (factors.saturation !== 1 && channels === 3) {
    for (let pixel = 0; pixel < data.length; pixel += 3) {
      const grey = luma(data, pixel);
      for (let index = pixel; index < pixel + 3; index++) {
        data[index] = cut(grey + (data[index] - grey) * factors.saturation);
      }
    }
  }
  return { ...image, data };
}

function meanGrey(data: Float32Array, channels: number): number {
  const step = channels === 3 ? 3 : 1;
  let sum = 0;
  for (let pixel = 0; pixel < data.length; pixel += step) {
    sum += step === 3 ? luma(data, pixel) : data[pixel];
  }
  return (sum * step) / data.length;
}

function luma(data: Float32Array, pixel: number): number {
  return 0.299 * data[pixel] + 0.587 * data[pixel + 1] + 0.114 * data[pixel + 2];
}
