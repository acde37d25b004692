import { isUsageError, messageOf, UsageError } from '../../errors.ts';
import { readImageHeader, type ImageFormat, type ImageHeader } from './imageHeader.ts';
import { isMissing, missingPackage, type OptionalPackage } from './optionalPackage.ts';
import { greyOf, resizePixels, threefold, upright, type Pixels } from './pixels.ts';
import { openNativeJpeg } from './nativeJpeg.ts';
import { openJpeg, openPng } from './wasmImages.ts';

export interface DecodeOptions {
  readonly grey: boolean;
  /** [height, width] of the result; null: as stored. */
  readonly resize: readonly [number, number] | null;
  /** `auto` takes the fastest that is installed and knows the format. */
  readonly decoder: 'auto' | 'napi' | 'sharp' | 'jsquash';
}

/**
 * @napi-rs/image decodes a jpeg in two thirds of the processor time of sharp, sharp in two thirds of
 * that of WebAssembly, both several at once. Of a png below this many pixels, starting a job for it
 * costs more than decoding.
 */
const largeImage = 1_000_000;

/**
 * Decodes an image to bytes, upright by its EXIF orientation, without transparency.
 * @param path names it in errors
 * @throws UsageError for unknown formats, damaged and truncated images, and a missing decoder
 */
export async function decodeImage(
  bytes: Buffer,
  path: string,
  options: DecodeOptions,
): Promise<Pixels> {
  const header = readImageHeader(bytes, path);
  try {
    for (const decoder of candidates(header, options)) {
      const decode = await open(decoder);
      if (decode !== undefined) return await decode(bytes, header, options);
    }
  } catch (cause) {
    if (isUsageError(cause)) throw cause;
    throw new UsageError(
      'ERR_DATA_IMAGE',
      `${path} cannot be decoded as ${header.format}: ${messageOf(cause)}. Replace or remove it.`,
      { cause },
    );
  }
  throw missingPackage(packagesFor(header.format, options), `Decoding ${path} (${header.format})`);
}

type Decoder = 'napi' | 'jpeg' | 'png' | 'sharp';
type Decode = (bytes: Buffer, header: ImageHeader, options: DecodeOptions) => Promise<Pixels>;

function candidates(
  { format, width = 0, height = 0 }: ImageHeader,
  options: DecodeOptions,
): Decoder[] {
  const wasm = format === 'jpeg' || format === 'png' ? [format] : [];
  if (options.decoder === 'sharp') return ['sharp'];
  if (options.decoder === 'jsquash') return wasm;
  if (options.decoder === 'napi') return format === 'jpeg' ? ['napi'] : [];
  if (format === 'jpeg') return ['napi', 'sharp', 'jpeg'];
  const small = format === 'png' && width * height <= largeImage;
  return small ? [...wasm, 'sharp'] : ['sharp', ...wasm];
}

function packagesFor(format: ImageFormat, { decoder }: DecodeOptions): OptionalPackage[] {
  const wasm: OptionalPackage[] =
    format === 'jpeg' || format === 'png' ? [`@jsquash/${format}`] : [];
  if (decoder === 'jsquash' && wasm.length > 0) return wasm;
  if (decoder === 'sharp') return ['sharp'];
  const native: OptionalPackage[] = format === 'jpeg' ? ['@napi-rs/image'] : [];
  return decoder === 'napi' ? native : [...native, ...wasm, 'sharp'];
}

const opened = new Map<Decoder, Promise<Decode | undefined>>();

/** Undefined when its package is not installed. */
function open(decoder: Decoder): Promise<Decode | undefined> {
  let opening = opened.get(decoder);
  if (opening === undefined) {
    opening = openers[decoder]().catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    opened.set(decoder, opening);
  }
  return opening;
}

const openers: Readonly<Record<Decoder, () => Promise<Decode>>> = {
  napi: async () => finishing(await openNativeJpeg()),
  jpeg: async () => finishing(await openJpeg()),
  png: async () => finishing(await openPng()),
  sharp: openSharp,
};

function finishing(
  decode: (bytes: Buffer, grey: boolean, header: ImageHeader) => Promise<Pixels>,
): Decode {
  return async (bytes, header, { grey, resize }) => {
    const image = upright(await decode(bytes, grey, header), header.orientation);
    return resize === null ? image : resizePixels(image, ...resize);
  };
}

async function openSharp(): Promise<Decode> {
  const { default: sharp } = await import('sharp');
  // Batches keep several images in flight: threads inside of each cost more than they gain.
  sharp.concurrency(1);
  return async (bytes, { format, orientation }, { grey, resize }) => {
    const plain = format === 'jpeg' && orientation === 1;
    let pipeline = sharp(bytes, { failOn: 'truncated', sequentialRead: plain });
    if (!plain) pipeline = pipeline.rotate();
    if (resize !== null) {
      const [height, width] = resize;
      pipeline = pipeline.resize({ width, height, fit: 'fill', kernel: 'linear' });
    }
    const { data, info } = await pipeline
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { height, width, channels } = info;
    const own = { data: new Uint8Array(data), height, width, channels };
    if (channels === 1) return grey ? own : threefold(own);
    return grey ? greyOf(own) : own;
  };
}
