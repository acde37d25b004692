/** An image of bytes, row-major, channels last. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Drops the transparency of RGBA; `grey` weighs the colours as ITU-R 601 does. */
export function fromRgba(
  data: Uint8Array | Uint8ClampedArray,
  count: number,
  grey: boolean,
): Uint8Array {
  const out = new Uint8Array(count * (grey ? 1 : 3));
  if (!grey) {
    for (let pixel = 0, to = 0, from = 0; pixel < count; pixel++, from += 4) {
      out[to++] = data[from];
      out[to++] = data[from + 1];
      out[to++] = data[from + 2];
    }
    return out;
  }
  for (let pixel = 0, from = 0; pixel < count; pixel++, from += 4) {
    out[pixel] = luma(data[from], data[from + 1], data[from + 2]);
  }
  return out;
}

/** The brightness of each pixel of an RGB image. */
export function greyOf({ data, height, width }: Pixels): Pixels {
  const out = new Uint8Array(height * width);
  for (let pixel = 0, from = 0; pixel < out.length; pixel++, from += 3) {
    out[pixel] = luma(data[from], data[from + 1], data[from + 2]);
  }
  return { data: out, height, width, channels: 1 };
}

/** Grey as RGB. */
export function threefold({ data, height, width }: Pixels): Pixels {
  const out = new Uint8Array(3 * data.length);
  for (let index = 0; index < out.length; index++) out[index] = data[Math.floor(index / 3)];
  return { data: out, height, width, channels: 3 };
}

function luma(red: number, green: number, blue: number): number {
  return (red * 19_595 + green * 38_470 + blue * 7_471 + 32_768) >> 16;
}

/** Turns and mirrors an image as its EXIF orientation says. */
export function upright(image: Pixels, orientation: number): Pixels {
  if (orientation === 1) return image;
  const { data, height, width, channels } = image;
  const turned = orientation >= 5;
  const [rows, columns] = turned ? [width, height] : [height, width];
  const out = new Uint8Array(data.length);
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [y, x] = turned ? [column, row] : [row, column];
      const from =
        ((fromBottom ? height - 1 - y : y) * width + (fromRight ? width - 1 - x : x)) * channels;
      const to = (row * columns + column) * channels;
      for (let channel = 0; channel < channels; channel++) out[to + channel] = data[from + channel];
    }
  }
  return { data: out, height: rows, width: columns, channels };
}

/**
 * Another size by a triangle filter that covers what it shrinks (bilinear with antialiasing), one
 * axis after the other.
 */
export function resizePixels(image: Pixels, height: number, width: number): Pixels {
  const { channels } = image;
  if (image.height === height && image.width === width) return image;
  const across = new Float32Array(image.height * width * channels);
  const columns = weights(image.width, width);
  for (let row = 0; row < image.height; row++) {
    for (let x = 0; x < width; x++) {
      const { start, values } = columns[x];
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let from = (row * image.width + start) * channels + channel;
        for (let tap = 0; tap < values.length; tap++, from += channels) {
          sum += values[tap] * image.data[from];
        }
        across[(row * width + x) * channels + channel] = sum;
      }
    }
  }
  const data = new Uint8Array(height * width * channels);
  const stride = width * channels;
  weights(image.height, height).forEach(({ start, values }, y) => {
    for (let index = 0; index < stride; index++) {
      let sum = 0.5;
      for (let tap = 0; tap < values.length; tap++) {
        sum += values[tap] * across[(start + tap) * stride + index];
      }
      data[y * stride + index] = sum;
    }
  });
  return { data, height, width, channels };
}

interface Taps {
  readonly start: number;
  readonly values: Float32Array;
}

function weights(from: number, to: number): Taps[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, index) => {
    const center = (index + 0.5) * scale - 0.5;
    const start = Math.max(0, Math.ceil(center - reach));
    const end = Math.min(from - 1, Math.floor(center + reach));
    const values = Float32Array.from({ length: end - start + 1 }, (_value, tap) =>
      Math.max(0, 1 - Math.abs(start + tap - center) / reach),
    );
    const sum = values.reduce((all, value) => all + value, 0);
    return { start, values: values.map((value) => value / sum) };
  });
}
