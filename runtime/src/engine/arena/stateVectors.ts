import { LightboxError } from '../../errors.ts';

/** Where state vectors may lie. */
export interface StatePlaces {
  /** The vector at a place; equal for equal places. */
  readonly at: (place: number) => Float32Array;
  /** Vectors that can be asked for. */
  readonly limit: number;
  /** How many of them have a second place, behind all the others. */
  readonly spares: number;
}

/**
 * The vectors of an optimizer's state, by name. While somebody reads them (a checkpoint on its way
 * to the disk) they can be lent: the next update then writes the new state to a second place, and
 * what was lent stays as it is. Nothing is copied for it.
 */
export class StateVectors {
  readonly #places: StatePlaces;
  readonly #names: string[] = [];
  /** Whether the state lies in the second places now. */
  #aside = false;
  /** Readers of the first and of the second places. */
  readonly #readers: [number, number] = [0, 0];
  #touched = false;

  constructor(places: StatePlaces) {
    this.#places = places;
  }

  /**
   * The vector of this name, zeros when first asked for; another one after an update that followed
   * a `lend`.
   * @throws LightboxError ERR_ARENA_SLOTS beyond the reserved number
   */
  current(name: string): Float32Array {
    return this.#at(this.#indexOf(name), this.#aside);
  }

  /** Where the next update puts the vector of this name: where it is, unless that is lent. */
  target(name: string): Float32Array {
    return this.#at(this.#indexOf(name), this.#aside !== this.isLent);
  }

  /** To be called after an update that put every vector where `target` said. */
  turn(): boolean {
    if (!this.isLent) return false;
    this.#aside = !this.#aside;
    return true;
  }

  /**
   * Keeps all vectors as they are until the function that is returned is called; null when there
   * is no room for it: no second places, or those are being read already.
   */
  lend(): (() => void) | null {
    const { spares } = this.#places;
    if (this.#names.length === 0 || this.#names.length > spares) return null;
    const side = Number(this.#aside);
    if (this.#readers[1 - side] > 0) return null;
    this.#touch();
    this.#readers[side] += 1;
    let returned = false;
    return () => {
      if (!returned) this.#readers[side] -= 1;
      returned = true;
    };
  }

  /** Whether the next update must leave the state alone, and write its own to `target`. */
  get isLent(): boolean {
    return this.#readers[Number(this.#aside)] > 0;
  }

  /** Takes the memory of the second places now, not in the middle of an update. */
  #touch(): void {
    if (this.#touched) return;
    this.#touched = true;
    this.#names.forEach((_, index) => this.#at(index, true).fill(0));
  }

  #at(index: number, aside: boolean): Float32Array {
    return this.#places.at(aside ? this.#places.limit + index : index);
  }

  #indexOf(name: string): number {
    const index = this.#names.indexOf(name);
    if (index >= 0) return index;
    const { limit } = this.#places;
    if (this.#names.length >= limit || this.#aside || this.isLent) {
      throw new LightboxError(
        'ERR_ARENA_SLOTS',
        `No room for state vector "${name}": ${String(limit)} were reserved. ` +
          'Pass a larger `slots` to the arena, and ask for all before the first update.',
      );
    }
    return this.#names.push(name) - 1;
  }
}
