import type { ImageHeader } from './imageHeader.ts';
import { greyOf, threefold, type Pixels } from './pixels.ts';

/**
 * jpeg by native code on the threads of Node's pool, several at once.
 * @throws when the package `@napi-rs/image` is not installed
 */
export async function openNativeJpeg() {
  const { Transformer } = await import('@napi-rs/image');
  return async (bytes: Buffer, grey: boolean, header: ImageHeader): Promise<Pixels> => {
    const { width = 0, height = 0 } = header;
    const pixels = await new Transformer(bytes).rawPixels();
    const data = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
    const image = { data, height, width, channels: data.length / (height * width) };
    if (image.channels === 1) return grey ? image : threefold(image);
    return grey ? greyOf(image) : image;
  };
}
