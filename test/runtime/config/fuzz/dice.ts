import { createHash } from 'node:crypto';

/** Draws that depend on a seed and their number alone, so that a case can be run again. */
export class Dice {
  readonly #seed: string;
  #draws = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    const text = `${this.#seed} ${String(this.#draws++)}`;
    return createHash('sha256').update(text).digest().readUInt32LE(0) % bound;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}
