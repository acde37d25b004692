// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { imul } = Math;

/**
 * Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3" (SC 2011): four uniform 32-bit words from a 64-bit key and a 128-bit counter.
 */
export function philox4x32(
  key0: number,
  key1: number,
  counter: readonly [number, number, number, number],
  out: Uint32Array,
): void {
  let [c0, c1, c2, c3] = counter;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Upper 32 bits of the unsigned product; JavaScript has only the lower ones (`Math.imul`). */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = imul(aHigh, bLow) >>> 0;
  const carry = ((imul(aLow, bLow) >>> 16) + (middle & 0xffff) + imul(aLow, bHigh)) >>> 0;
  // aLow * bHigh + two 16-bit terms stays below 2^32, so nothing is lost above.
  return (imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}
