import * as zlib from 'node:zlib';

/**
 * CRC-32 (IEEE 802.3, as in zip and PNG) as an unsigned integer. Pass the result for the first
 * part of some bytes as `seed` to go on with the next part.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return nativeCrc32 === undefined ? tableCrc32(bytes, seed) : nativeCrc32(bytes, seed);
}

/** The same by table, a few times slower, for Node releases whose zlib has no `crc32`. */
export function tableCrc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

const nativeCrc32 = (zlib as unknown as { crc32?: (data: Uint8Array, value?: number) => number })
  .crc32;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});
