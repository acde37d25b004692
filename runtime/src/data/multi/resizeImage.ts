import type { HostTensor } from '../../core/batch.ts';

/** For each output pixel of an axis the first input pixel and the weights from there on. */
interface AxisFilter {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array;
  /** Weights kept for each output pixel. */
  readonly stride: number;
}

const maxFilters = 64;
const filters = new Map<string, AxisFilter>();

/**
 * A float image [height, width, channels] in another size: bilinear, with a filter as wide as the
 * shrinking, so that every input pixel counts. Pixel centres are at halves.
 */
export function resizeSmooth(image: HostTensor, height: number, width: number): HostTensor {
  const [oldHeight, oldWidth, channels] = image.shape;
  const across = axisFilter(oldWidth, width);
  const rows = new Float32Array(oldHeight * width * channels);
  for (let row = 0; row < oldHeight; row++) {
    const from = row * oldWidth * channels;
    filterLines(image.data, from, channels, channels, across, rows, row * width * channels);
  }
  const down = axisFilter(oldHeight, height);
  const data = new Float32Array(height * width * channels);
  // A whole row counts as one pixel with many channels.
  filterLines(rows, 0, width * channels, width * channels, down, data, 0);
  return { data, shape: [height, width, channels], dtype: 'float32' };
}

/** The same for whole numbers, which must not be averaged: each pixel is its nearest. */
export function resizeNearest(image: HostTensor, height: number, width: number): HostTensor {
  const [oldHeight, oldWidth, channels] = image.shape;
  const length = height * width * channels;
  const data = image.dtype === 'int32' ? new Int32Array(length) : new Uint8Array(length);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * oldHeight) / height);
    for (let x = 0; x < width; x++) {
      const column = Math.floor(((x + 0.5) * oldWidth) / width);
      const from = (row * oldWidth + column) * channels;
      const to = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++) {
        data[to + channel] = image.data[from + channel];
      }
    }
  }
  return { data, shape: [height, width, channels], dtype: image.dtype };
}

/** Filters along one axis: pixels of `channels` values, `step` apart. */
function filterLines(
  source: HostTensor['data'],
  from: number,
  step: number,
  channels: number,
  { first, counts, weights, stride }: AxisFilter,
  out: Float32Array,
  to: number,
): void {
  for (let pixel = 0; pixel < first.length; pixel++) {
    const start = from + first[pixel] * step;
    const target = to + pixel * channels;
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let tap = 0; tap < counts[pixel]; tap++) {
        sum += weights[pixel * stride + tap] * source[start + tap * step + channel];
      }
      out[target + channel] = sum;
    }
  }
}

function axisFilter(before: number, after: number): AxisFilter {
  const key = `${before} ${after}`;
  let filter = filters.get(key);
  if (filter === undefined) {
    if (filters.size >= maxFilters) filters.clear();
    filter = makeFilter(before, after);
    filters.set(key, filter);
  }
  return filter;
}

function makeFilter(before: number, after: number): AxisFilter {
  const scale = before / after;
  // Growing images interpolate between two pixels, shrinking ones average over `scale` of them.
  const reach = Math.max(1, scale);
  const stride = Math.ceil(2 * reach) + 1;
  const first = new Int32Array(after);
  const counts = new Int32Array(after);
  const weights = new Float64Array(after * stride);
  for (let pixel = 0; pixel < after; pixel++) {
    const center = (pixel + 0.5) * scale;
    const start = Math.max(0, Math.floor(center - reach + 0.5));
    const end = Math.min(before, Math.floor(center + reach + 0.5));
    let sum = 0;
    for (let index = start; index < end; index++) {
      const weight = Math.max(0, 1 - Math.abs(index + 0.5 - center) / reach);
      weights[pixel * stride + index - start] = weight;
      sum += weight;
    }
    first[pixel] = start;
    counts[pixel] = end - start;
    for (let tap = 0; tap < end - start; tap++) weights[pixel * stride + tap] /= sum;
  }
  return { first, counts, weights, stride };
}
