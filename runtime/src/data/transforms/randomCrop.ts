import { z } from 'zod';
import { allocateFloats } from '../floatSlab.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Rng } from '../../random/rng.ts';
import { UsageError } from '../../errors.ts';
import type { Transform } from './transform.ts';
import { changeImage, type FloatImage } from './imageField.ts';
import { imageField } from './imageOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const randomCropSchema = z.strictObject({
  padding: z.int().min(0).default(0).describe('Pixels added on each side before cropping'),
  size: z
    .tuple([z.int().min(1), z.int().min(1)])
    .nullable()
    .default(null)
    .describe('[height, width] of the result; null: as the image'),
  fill: z.number().default(0).describe('Value of the added pixels'),
  field: imageField,
});

/** A window at a random place of the padded image. */
export class RandomCrop implements Transform {
  static readonly schema = randomCropSchema;
  readonly name = 'random_crop';
  readonly version = 1;
  readonly random = true;
  readonly parameters: z.output<typeof randomCropSchema>;

  constructor(options: z.input<typeof randomCropSchema> = {}) {
    this.parameters = parseOptions(randomCropSchema, options, 'RandomCrop');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<RandomCrop>(this, RandomCrop, ['apply'], () => ({
      module: import.meta.url,
      name: 'RandomCrop',
      args: [this.parameters],
    }));
  }

  apply(sample: unknown, rng: Rng): unknown {
    const { field, padding, size, fill } = this.parameters;
    return changeImage(sample, field, this.name, (image) => {
      const [height, width] = size ?? [image.height, image.width];
      const spaceY = image.height + 2 * padding - height;
      const spaceX = image.width + 2 * padding - width;
      if (spaceY < 0 || spaceX < 0) {
        throw new UsageError(
          'ERR_DATA_TRANSFORM',
          `${this.name}: a window of ${height} x ${width} does not fit an image of ${image.height} x ${image.width} with padding ${padding}.`,
        );
      }
      const top = rng.int(spaceY + 1) - padding;
      const left = rng.int(spaceX + 1) - padding;
      return cropImage(image, { top, left, height, width, fill });
    });
  }
}

/** A window of an image; whatever lies outside is `fill`. */
export function cropImage(
  image: FloatImage,
  window: { top: number; left: number; height: number; width: number; fill: number },
): FloatImage {
  const { top, left, height, width, fill } = window;
  const { channels } = image;
  const data = allocateFloats(height * width * channels);
  if (fill !== 0) data.fill(fill);
  const firstColumn = Math.max(0, -left);
  const endColumn = Math.min(width, image.width - left);
  const count = (endColumn - firstColumn) * channels;
  if (count > 0) {
    for (let row = Math.max(0, -top); row < Math.min(height, image.height - top); row++) {
      const from = ((row + top) * image.width + left + firstColumn) * channels;
      const to = (row * width + firstColumn) * channels;
      // A loop: rows are short, and views to copy them with cost more.
      for (let index = 0; index < count; index++) data[to + index] = image.data[from + index];
    }
  }
  return { data, height, width, channels };
}
