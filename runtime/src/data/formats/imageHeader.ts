import { UsageError } from '../../errors.ts';

export const imageFormats = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif', 'bmp'] as const;

export type ImageFormat = (typeof imageFormats)[number];

/** What the bytes of an encoded image say without decoding. */
export interface ImageHeader {
  readonly format: ImageFormat;
  /** Known for jpeg and png. */
  readonly width?: number;
  readonly height?: number;
  /** EXIF orientation of a jpeg, 1 (upright) to 8. */
  readonly orientation: number;
}

/**
 * Format and, for jpeg and png, size of an encoded image.
 * @param path names it in errors
 * @throws UsageError for bytes of no known format, and for jpeg and png files that end early
 */
export function readImageHeader(bytes: Buffer, path: string): ImageHeader {
  const format = formatOf(bytes);
  if (format === 'jpeg') return readJpeg(bytes, path);
  if (format === 'png') return readPng(bytes, path);
  if (format !== undefined) return { format, orientation: 1 };
  const start = bytes.length === 0 ? 'is empty' : `begins with ${bytes.toString('hex', 0, 8)}`;
  throw new UsageError(
    'ERR_DATA_IMAGE',
    `${path} ${start}: no image of a known format (${imageFormats.join(', ')}).`,
  );
}

function formatOf(bytes: Buffer): ImageFormat | undefined {
  const text = bytes.toString('latin1', 0, 16);
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return 'webp';
  if (text.startsWith('GIF8')) return 'gif';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'tiff';
  if (text.startsWith('ftypavif', 4)) return 'avif';
  return text.startsWith('BM') ? 'bmp' : undefined;
}

function readPng(bytes: Buffer, path: string): ImageHeader {
  // Decoders fill what is missing with black; the last chunk tells.
  if (bytes.length < 33 || bytes.lastIndexOf('IEND', undefined, 'latin1') < 33) {
    throw endsEarly(path, 'png');
  }
  return {
    format: 'png',
    width: bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(20),
    orientation: 1,
  };
}

/** Markers whose segment gives the size: SOF0 to SOF15 without DHT, JPG and DAC. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function readJpeg(bytes: Buffer, path: string): ImageHeader {
  let orientation = 1;
  let width: number | undefined;
  let height: number | undefined;
  let at = 2;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) break;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = bytes.readUInt16BE(at + 2);
    if (isFrame(marker) && at + 9 <= bytes.length) {
      height = bytes.readUInt16BE(at + 5);
      width = bytes.readUInt16BE(at + 7);
    }
    if (marker === 0xe1) orientation = exifOrientation(bytes.subarray(at + 4, at + 2 + length));
    // Scan data follow. Decoders fill what is missing with grey; the end marker tells.
    if (marker === 0xda) {
      if (bytes.lastIndexOf(endOfImage) < at) throw endsEarly(path, 'jpeg');
      if (width === undefined || height === undefined) break;
      return { format: 'jpeg', width, height, orientation };
    }
    at += 2 + length;
  }
  throw endsEarly(path, 'jpeg');
}

const endOfImage = Buffer.from([0xff, 0xd9]);

/** Orientation in the first directory of an EXIF segment; 1 when it has none. */
function exifOrientation(segment: Buffer): number {
  if (segment.toString('latin1', 0, 6) !== 'Exif\0\0' || segment.length < 14) return 1;
  const tiff = segment.subarray(6);
  const little = tiff.toString('latin1', 0, 2) === 'II';
  const short = (at: number): number => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (directory + 2 > tiff.length) return 1;
  const entries = short(directory);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + 12 * entry;
    if (at + 12 > tiff.length) return 1;
    if (short(at) === 0x0112) {
      const value = short(at + 8);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

function endsEarly(path: string, format: string): UsageError {
  return new UsageError(
    'ERR_DATA_TRUNCATED',
    `${path} is a ${format} image that ends early. Download or copy it again, or remove it.`,
  );
}
