import { z } from 'zod';
import { parseOptions } from '../parseOptions.ts';
import type { Rng } from '../../random/rng.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { changeImage } from './imageField.ts';
import { imageField } from './imageOptions.ts';
import { cropImage } from './randomCrop.ts';
import { heightAndWidth, imageSize, resizeFloats } from './resize.ts';
import type { Transform } from './transform.ts';

const range = z
  .tuple([z.number().positive(), z.number().positive()])
  .refine(([low, high]) => low <= high, 'the first may not be larger than the second');

export const randomResizedCropSchema = z.strictObject({
  size: imageSize.describe('[height, width] of the result; one number for a square'),
  scale: range
    .refine(([, high]) => high <= 1, 'a window is at most the whole image, 1')
    .default([0.08, 1])
    .describe("Smallest and largest area of the window, as a share of the image's"),
  ratio: range
    .default([3 / 4, 4 / 3])
    .describe('Smallest and largest width of the window over its height'),
  field: imageField,
});

/** Windows that are tried before the largest one in the middle is taken. */
const attempts = 10;

/**
 * A window of random area and aspect, resized: area uniform, aspect uniform in its logarithm, as
 * torchvision's transform of this name.
 */
export class RandomResizedCrop implements Transform {
  static readonly schema = randomResizedCropSchema;
  readonly name = 'random_resized_crop';
  readonly version = 1;
  readonly random = true;
  readonly parameters: z.output<typeof randomResizedCropSchema>;

  constructor(options: z.input<typeof randomResizedCropSchema>) {
    this.parameters = parseOptions(randomResizedCropSchema, options, 'RandomResizedCrop');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<RandomResizedCrop>(this, RandomResizedCrop, ['apply'], () => ({
      module: import.meta.url,
      name: 'RandomResizedCrop',
      args: [this.parameters],
    }));
  }

  apply(sample: unknown, rng: Rng): unknown {
    const { size, field } = this.parameters;
    const [height, width] = heightAndWidth(size);
    return changeImage(sample, field, this.name, (image) => {
      const window = this.#window(image.height, image.width, rng);
      return resizeFloats(cropImage(image, { ...window, fill: 0 }), height, width);
    });
  }

  #window(imageHeight: number, imageWidth: number, rng: Rng): Window {
    const { scale, ratio } = this.parameters;
    const logarithms = ratio.map(Math.log);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const area = imageHeight * imageWidth * between(rng, scale[0], scale[1]);
      const aspect = Math.exp(between(rng, logarithms[0], logarithms[1]));
      const width = Math.round(Math.sqrt(area * aspect));
      const height = Math.round(Math.sqrt(area / aspect));
      if (width < 1 || height < 1 || width > imageWidth || height > imageHeight) continue;
      const top = rng.int(imageHeight - height + 1);
      const left = rng.int(imageWidth - width + 1);
      return { top, left, height, width };
    }
    return largestInTheMiddle(imageHeight, imageWidth, ratio);
  }
}

interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

function largestInTheMiddle(
  imageHeight: number,
  imageWidth: number,
  [narrowest, widest]: readonly [number, number],
): Window {
  const aspect = Math.min(Math.max(imageWidth / imageHeight, narrowest), widest);
  const height = Math.max(1, Math.min(imageHeight, Math.round(imageWidth / aspect)));
  const width = Math.max(1, Math.min(imageWidth, Math.round(imageHeight * aspect)));
  return {
    top: Math.floor((imageHeight - height) / 2),
    left: Math.floor((imageWidth - width) / 2),
    height,
    width,
  };
}

function between(rng: Rng, low: number, high: number): number {
  return low + (high - low) * rng.uniform();
}
