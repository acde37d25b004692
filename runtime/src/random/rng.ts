import { philox4x32 } from './philox.ts';

// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { floor, imul } = Math;

/**
 * Keyed random numbers: every use names what it is for (`rng.fold('dropout', step)`), so there is
 * no shared stream whose position a checkpoint would have to keep. Drawing advances only this
 * object's own counter; `fold` depends on the key alone and never on what was drawn before.
 */
export class Rng {
  readonly key: readonly [number, number];
  #counter = 0;
  #block = new Uint32Array(4);
  #used = 4;
  #spareNormal: number | undefined;

  private constructor(key: readonly [number, number]) {
    this.key = key;
  }

  /** @param seed any finite number; distinct seeds give unrelated keys (also s and s + 1) */
  static fromSeed(seed: number): Rng {
    return new Rng(hashParts([0x6c696768, 0x74626f78], ['seed', seed]));
  }

  static fromKey(key: readonly [number, number]): Rng {
    return new Rng([key[0] >>> 0, key[1] >>> 0]);
  }

  /** A generator of its own for the named purpose; the tuple is hashed, never added. */
  fold(...parts: readonly (string | number)[]): Rng {
    return new Rng(hashParts(this.key, parts));
  }

  /** 32 uniform bits, 0 .. 2^32 - 1. */
  bits(): number {
    if (this.#used === 4) this.#refill();
    return this.#block[this.#used++];
  }

  /** Uniform in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.bits() >>> 5;
    const low = this.bits() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform integer in [0, n), without modulo bias; n from 1 to 2^32. */
  int(n: number): number {
    const limit = 4294967296 - (4294967296 % n);
    let bits = this.bits();
    while (bits >= limit) bits = this.bits();
    return bits % n;
  }

  /** Standard normal (Box-Muller, pairs). */
  normal(): number {
    const spare = this.#spareNormal;
    if (spare !== undefined) {
      this.#spareNormal = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  #refill(): void {
    const low = this.#counter >>> 0;
    const high = floor(this.#counter / 4294967296);
    philox4x32(this.key[0], this.key[1], [low, high, 0, 0], this.#block);
    this.#counter++;
    this.#used = 0;
  }
}

/** Mixes a tuple into 64 bits; a tag per part type keeps ("1") and (1), ("ab") and ("a","b") apart. */
function hashParts(
  start: readonly [number, number],
  parts: readonly (string | number)[],
): [number, number] {
  let a = start[0] | 0;
  let b = start[1] | 0;
  const mix = (word: number): void => {
    a = imul(a ^ word, 0x85ebca6b);
    a ^= a >>> 13;
    b = imul(b ^ word ^ (a << 7), 0xc2b2ae35);
    b ^= b >>> 16;
    a = (a + imul(b, 0x9e3779b1)) | 0;
  };
  for (const part of parts) {
    if (typeof part === 'number') {
      const [low, high] = numberWords(part);
      mix(0x4e554d);
      mix(low);
      mix(high);
    } else {
      mix(0x535452 ^ part.length);
      for (let index = 0; index < part.length; index++) mix(part.charCodeAt(index));
    }
  }
  mix(0x454e44 ^ parts.length);
  return [finish(a ^ (b >>> 3)), finish(b ^ (a >>> 5))];
}

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

function numberWords(value: number): [number, number] {
  float[0] = value === 0 ? 0 : value;
  return [words[0], words[1]];
}

function finish(value: number): number {
  let x = value;
  x ^= x >>> 16;
  x = imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}
