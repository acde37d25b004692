import type { HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import type { Dataset } from '../dataset.ts';
import type { Transform } from '../transforms/transform.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { resizeNearest, resizeSmooth } from './resizeImage.ts';

export interface ResizeImagesOptions {
  readonly height: number;
  readonly width: number;
  /** Fields to resize; null: every one that looks like an image (see `looksLikeImage`). */
  readonly fields: readonly string[] | null;
}

/**
 * Brings the images of a sample to one size: float images by bilinear filtering that averages when
 * it shrinks, whole numbers (label maps, masks) by the nearest pixel.
 */
export class ResizeImages implements Transform {
  readonly name = 'resize_images';
  readonly version = 1;
  readonly random = false;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly #options: ResizeImagesOptions;

  constructor(options: ResizeImagesOptions) {
    this.#options = options;
    this.parameters = { ...options };
  }

  /** @throws UsageError (ERR_DATA_TRANSFORM) when a named field is no image, or no field is one */
  apply(sample: unknown): unknown {
    const { fields } = this.#options;
    if (!isPlainObject(sample)) throw noImages('a sample that is no object');
    const names = fields ?? Object.keys(sample).filter((name) => looksLikeImage(sample[name]));
    const known = `samples with the fields ${Object.keys(sample).join(', ')}`;
    if (names.length === 0) throw noImages(known);
    const resized = names.map((name) => {
      const value = sample[name];
      if (!isImage(value)) throw noImages(`field "${name}" of ${known}`);
      return [name, this.#resize(value)] as const;
    });
    return { ...sample, ...Object.fromEntries(resized) };
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<ResizeImages>(this, ResizeImages, ['apply'], () => ({
      module: import.meta.url,
      name: 'ResizeImages',
      args: [this.#options],
    }));
  }

  #resize(image: HostTensor): HostTensor {
    const { height, width } = this.#options;
    if (image.shape[0] === height && image.shape[1] === width) return image;
    return image.dtype === 'float32'
      ? resizeSmooth(image, height, width)
      : resizeNearest(image, height, width);
  }
}

/** Whether a dataset says that all its images have this size already. */
export function hasSize(dataset: Dataset, { height, width, fields }: ResizeImagesOptions): boolean {
  const { columns } = dataset;
  if (columns === undefined) return false;
  const shapes = Object.entries(columns)
    .filter(([name, { shape }]) => fields?.includes(name) ?? isImageShape(shape))
    .map(([, { shape }]) => shape);
  return shapes.length > 0 && shapes.every(([h, w]) => h === height && w === width);
}

/** Three axes [height, width, channels] with 1 to 4 channels. */
function looksLikeImage(value: unknown): value is HostTensor {
  return isImage(value) && isImageShape(value.shape);
}

function isImageShape(shape: readonly number[]): boolean {
  return shape.length === 3 && shape[2] >= 1 && shape[2] <= 4;
}

function isImage(value: unknown): value is HostTensor {
  const tensor = value as Partial<HostTensor> | null | undefined;
  return (
    Array.isArray(tensor?.shape) && tensor.shape.length === 3 && ArrayBuffer.isView(tensor.data)
  );
}

function noImages(where: string): UsageError {
  return new UsageError(
    'ERR_DATA_TRANSFORM',
    `resolution: no image [height, width, channels] in ${where}. Name the images in image_fields, or set resolution: null.`,
  );
}
