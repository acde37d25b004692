import { directionsOf } from './directionNumbers.ts';

/**
 * The point of a Sobol sequence (in the order of Gray codes, as scipy's) at `index`, one coordinate.
 * @param dimension from 0 on, below `SOBOL_DIMENSIONS`
 * @param seed scrambles the sequence (Owen's nested way, by hashing); undefined: as it is
 * @returns a number of [0, 1)
 */
export function sobol(dimension: number, index: number, seed: number | undefined): number {
  const directions = directionsOf(dimension);
  const code = (index ^ (index >>> 1)) >>> 0;
  let bits = 0;
  for (let bit = 0; bit < directions.length; bit++) if ((code >>> bit) & 1) bits ^= directions[bit];
  const scrambled = seed === undefined ? bits : reverse(hash(reverse(bits), seed));
  return (scrambled >>> 0) / 2 ** 32;
}

/** Changes each bit depending on the lower ones alone (Laine and Karras 2011, Burley 2020). */
function hash(bits: number, seed: number): number {
  let x = (bits + seed) | 0;
  x ^= Math.imul(x, 0x6c50b47c);
  x ^= Math.imul(x, 0xb82f1e52);
  x ^= Math.imul(x, 0xc7afe638);
  x ^= Math.imul(x, 0x8d22f6e6);
  return x;
}

function reverse(bits: number): number {
  let x = bits;
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
  return (x >>> 16) | (x << 16);
}
