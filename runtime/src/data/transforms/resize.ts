import { z } from 'zod';
import { parseOptions } from '../parseOptions.ts';
import { resizeSmooth } from '../multi/resizeImage.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { changeImage, type FloatImage } from './imageField.ts';
import { imageField } from './imageOptions.ts';
import type { Transform } from './transform.ts';

export const imageSize = z.union([z.int().min(1), z.tuple([z.int().min(1), z.int().min(1)])]);

export const resizeSchema = z.strictObject({
  size: imageSize.describe('[height, width] of the result; one number for a square'),
  field: imageField,
});

/**
 * Another size, by bilinear filtering that averages over what it shrinks (Pillow's `BILINEAR`,
 * torchvision's `antialias`). The shape is not kept: an image of another aspect is stretched.
 */
export class Resize implements Transform {
  static readonly schema = resizeSchema;
  readonly name = 'resize';
  readonly version = 1;
  readonly random = false;
  readonly parameters: z.output<typeof resizeSchema>;

  constructor(options: z.input<typeof resizeSchema>) {
    this.parameters = parseOptions(resizeSchema, options, 'Resize');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<Resize>(this, Resize, ['apply'], () => ({
      module: import.meta.url,
      name: 'Resize',
      args: [this.parameters],
    }));
  }

  apply(sample: unknown): unknown {
    const { size, field } = this.parameters;
    const [height, width] = heightAndWidth(size);
    return changeImage(sample, field, this.name, (image) => resizeFloats(image, height, width));
  }
}

export function heightAndWidth(size: z.output<typeof imageSize>): readonly [number, number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** An image of that size already is returned as it is. */
export function resizeFloats(image: FloatImage, height: number, width: number): FloatImage {
  if (image.height === height && image.width === width) return image;
  const { data, channels } = image;
  const shape = [image.height, image.width, channels];
  const resized = resizeSmooth({ data, shape, dtype: 'float32' }, height, width);
  return { data: resized.data as Float32Array, height, width, channels };
}
