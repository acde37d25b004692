import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import type { Picture } from './encodePng.ts';

export interface GridOptions {
  /** Images in a row. */
  readonly nrow: number;
  /** Black pixels around each image. */
  readonly padding: number;
  /** Values that become black and white; values beyond are clamped. */
  readonly range: readonly [low: number, high: number];
}

/**
 * The images of a batch `[n, height, width, channels]` (or `[n, height, width]`) in one picture.
 * uint8-like int32 images have the range [0, 255] whatever `range` says.
 * @throws UsageError ERR_IMAGE_SHAPE
 */
export function imageGrid(images: HostTensor, { nrow, padding, range }: GridOptions): Picture {
  const [count, height, width, channels] = imageShape(images);
  const columns = Math.min(nrow, count);
  const rows = Math.ceil(count / columns);
  const totalWidth = columns * width + (columns + 1) * padding;
  const totalHeight = rows * height + (rows + 1) * padding;
  const data = new Uint8Array(totalWidth * totalHeight * channels);
  if (channels === 4) for (let at = 3; at < data.length; at += 4) data[at] = 255;
  const [low, high] = images.dtype === 'int32' ? [0, 255] : range;
  const line = width * channels;
  for (let index = 0; index < count; index++) {
    const top = padding + Math.floor(index / columns) * (height + padding);
    const left = padding + (index % columns) * (width + padding);
    for (let y = 0; y < height; y++) {
      const from = (index * height + y) * line;
      const to = ((top + y) * totalWidth + left) * channels;
      for (let at = 0; at < line; at++) {
        data[to + at] = toByte((images.data[from + at] - low) / (high - low));
      }
    }
  }
  return { width: totalWidth, height: totalHeight, channels, data };
}

/** Images of both in turn: each of `first` right before the one of `second`. Same shapes. */
export function interleave(first: HostTensor, second: HostTensor): HostTensor {
  const [count] = first.shape;
  const size = first.data.length / count;
  const data = new Float32Array(2 * first.data.length);
  for (let index = 0; index < count; index++) {
    data.set(first.data.subarray(index * size, (index + 1) * size), 2 * index * size);
    data.set(second.data.subarray(index * size, (index + 1) * size), (2 * index + 1) * size);
  }
  return { data, shape: [2 * count, ...first.shape.slice(1)], dtype: 'float32' };
}

function imageShape({ shape }: HostTensor): [number, number, number, number] {
  const [count, height, width, channels = 1] = shape;
  const fits = shape.length === 3 || shape.length === 4;
  if (fits && count > 0 && [1, 3, 4].includes(channels)) return [count, height, width, channels];
  throw new UsageError(
    'ERR_IMAGE_SHAPE',
    `Images: expected [n, height, width, 1, 3 or 4] or [n, height, width], got [${shape.join(', ')}].`,
  );
}

function toByte(value: number): number {
  // NaN becomes black here, and values beyond the range its ends.
  return value > 0 ? Math.round(Math.min(1, value) * 255) : 0;
}
