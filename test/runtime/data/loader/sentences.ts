import type { Recipe } from '../../../../runtime/src/data/workers/recipe.ts';

/** Samples of 1 to 23 numbers. */
export class Sentences {
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  recipe(): Recipe {
    return { module: import.meta.url, name: 'Sentences', args: [this.length] };
  }

  lengthOf(index: number): number {
    return 1 + ((index * 17) % 23);
  }

  get(index: number): { tokens: Int32Array; id: number } {
    return { tokens: new Int32Array(this.lengthOf(index)).fill(index), id: index };
  }
}
