import { deflateSync } from 'node:zlib';
import { crc32 } from '../../checkpoint/crc32.ts';
import { UsageError } from '../../errors.ts';

/** An image of 8 bits a channel: row-major, channels last. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1: gray, 3: RGB, 4: RGB and opacity. */
  readonly channels: number;
  readonly data: Uint8Array;
}

/** The bytes of a PNG file. @throws UsageError ERR_IMAGE_CHANNELS */
export function encodePng({ width, height, channels, data }: Picture): Buffer {
  const colorType = { 1: 0, 3: 2, 4: 6 }[channels];
  if (colorType === undefined) {
    throw new UsageError(
      'ERR_IMAGE_CHANNELS',
      `PNG: expected images of 1, 3 or 4 channels, got ${String(channels)}. Choose some of them.`,
    );
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colorType, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(differences(data, width * channels, channels))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Each byte less the one of the pixel to its left (filter 1), which compresses better. */
function differences(data: Uint8Array, stride: number, channels: number): Uint8Array {
  const rows = data.length / stride;
  const filtered = new Uint8Array(data.length + rows);
  for (let row = 0; row < rows; row++) {
    const from = row * stride;
    const to = from + row + 1;
    filtered[to - 1] = 1;
    for (let at = 0; at < stride; at++) {
      const left = at < channels ? 0 : data[from + at - channels];
      filtered[to + at] = data[from + at] - left;
    }
  }
  return filtered;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
