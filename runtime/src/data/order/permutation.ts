import { UsageError } from '../../errors.ts';
import type { Rng } from '../../random/rng.ts';

/** A bijection of 0 .. size - 1 that can be asked at any position. */
export interface Permutation {
  readonly size: number;
  /** @param position 0 .. size - 1 */
  at(position: number): number;
}

/** From here on no table is built: memory stays constant and the first answer immediate. */
export const tableLimit = 65_536;

const rounds = 8;
// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { floor, imul } = Math;

/**
 * The shuffle that `rng`'s key selects: a Fisher-Yates table for fewer than 65,536 items, a Feistel
 * cipher with cycle walking from there on. Equal keys and sizes give equal permutations.
 * @param size 1 .. 2^52
 */
export function keyedPermutation(size: number, rng: Rng): Permutation {
  if (!Number.isSafeInteger(size) || size < 1 || size > 2 ** 52) {
    throw new UsageError(
      'ERR_DATA_SIZE',
      `A permutation needs a whole size from 1 to 2^52, got ${size}.`,
    );
  }
  return size < tableLimit ? tablePermutation(size, rng) : feistelPermutation(size, rng);
}

function tablePermutation(size: number, rng: Rng): Permutation {
  const table = new Uint16Array(size);
  for (let index = 0; index < size; index++) table[index] = index;
  for (let index = size - 1; index > 0; index--) {
    const other = rng.int(index + 1);
    const kept = table[index];
    table[index] = table[other];
    table[other] = kept;
  }
  return { size, at: (position) => table[position] };
}

/**
 * Eight rounds, because four are measurably uneven on small domains. The domain is the smallest
 * 4^h >= size, so that walking out-of-range values takes less than four steps on average.
 */
function feistelPermutation(size: number, rng: Rng): Permutation {
  let halfBits = 1;
  while (4 ** halfBits < size) halfBits++;
  const half = 2 ** halfBits;
  const mask = half - 1;
  const keys = Int32Array.from({ length: rounds }, () => rng.bits() | 0);

  const encrypt = (value: number): number => {
    let left = floor(value / half);
    let right = value % half;
    for (let round = 0; round < rounds; round++) {
      const mixed = left ^ (scramble(right ^ keys[round]) & mask);
      left = right;
      right = mixed;
    }
    return left * half + right;
  };
  return {
    size,
    at(position) {
      let value = encrypt(position);
      while (value >= size) value = encrypt(value);
      return value;
    },
  };
}

/** 32-bit finalizer (constants of Wellons' "lowbias32"): every input bit reaches the low bits. */
function scramble(word: number): number {
  let x = word;
  x ^= x >>> 16;
  x = imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = imul(x, 0x846ca68b);
  return x ^ (x >>> 16);
}
