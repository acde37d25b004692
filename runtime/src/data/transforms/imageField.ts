import type { HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';

/** A float32 image, channels last. */
export interface FloatImage {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Replaces the image in a sample by `change` of it; the other fields are kept.
 * @param field key of the image; null when the sample is the image itself
 * @throws UsageError naming the transform and field when there is no float32 image of 3 axes
 */
export function changeImage(
  sample: unknown,
  field: string | null,
  transform: string,
  change: (image: FloatImage) => FloatImage,
): unknown {
  if (field === null) return toTensor(change(toImage(sample, 'the sample', transform)));
  if (!isPlainObject(sample) || !(field in sample)) {
    const keys = isPlainObject(sample) ? Object.keys(sample).join(', ') : typeof sample;
    throw new UsageError(
      'ERR_DATA_TRANSFORM',
      `Transform "${transform}" looks for an image in field "${field}"; the sample has ${keys}. Set its option "field".`,
    );
  }
  return {
    ...sample,
    [field]: toTensor(change(toImage(sample[field], `field "${field}"`, transform))),
  };
}

function toImage(value: unknown, where: string, transform: string): FloatImage {
  const tensor = value as Partial<HostTensor> | null;
  const shape = tensor?.shape;
  if (tensor?.dtype !== 'float32' || shape?.length !== 3 || tensor.data === undefined) {
    const got = shape === undefined ? typeof value : `${tensor?.dtype} [${shape.join(', ')}]`;
    throw new UsageError(
      'ERR_DATA_TRANSFORM',
      `Transform "${transform}" needs a float32 image [height, width, channels] in ${where}, got ${got}.`,
    );
  }
  const [height, width, channels] = shape;
  return { data: tensor.data as Float32Array, height, width, channels };
}

function toTensor({ data, height, width, channels }: FloatImage): HostTensor {
  return { data, shape: [height, width, channels], dtype: 'float32' };
}
