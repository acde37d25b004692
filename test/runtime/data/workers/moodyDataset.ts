import { existsSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { portable, type Recipe } from '../../../../runtime/src/data/workers/recipe.ts';
import type { Rng } from '../../../../runtime/src/random/rng.ts';

/** What the samples of `MoodyDataset` do. */
export interface Moods {
  readonly length: number;
  /** Sample that throws. */
  readonly throwsAt?: number;
  /** Sample at which a loader thread ends: once when `once` is a file to make, else always. */
  readonly diesAt?: number;
  readonly once?: string;
  /** Samples come as promises. */
  readonly slow?: boolean;
}

/** Nested samples with text, and accidents on request. */
export class MoodyDataset {
  readonly length: number;
  readonly #moods: Moods;

  constructor(moods: Moods) {
    this.#moods = moods;
    this.length = moods.length;
  }

  recipe(): Recipe {
    return { module: import.meta.url, name: 'MoodyDataset', args: [this.#moods] };
  }

  get(index: number): unknown {
    const { throwsAt, diesAt, once, slow } = this.#moods;
    if (index === throwsAt) throw new Error(`sample ${index} is broken`);
    if (index === diesAt && !isMainThread && !(once !== undefined && existsSync(once))) {
      if (once !== undefined) writeFileSync(once, '');
      process.exit(3);
    }
    const sample = {
      pair: [Float32Array.of(index, -0, NaN), { deep: index % 2 === 0 }],
      text: `sample ${index}`,
      values: [
        [index, 1],
        [2, 3],
      ],
      missing: null,
    };
    return slow === true ? Promise.resolve(sample) : sample;
  }
}

/** A transform that draws. */
export class Noise {
  readonly name = 'noise';
  readonly version = 1;
  readonly parameters = {};
  readonly random = true;

  recipe(): Recipe {
    return { module: import.meta.url, name: 'Noise', args: [] };
  }

  apply(sample: unknown, rng: Rng): unknown {
    return { ...(sample as object), noise: rng.uniform() };
  }
}

/** A collate function that threads can import. */
export const collateLengths = portable(
  import.meta.url,
  'collateLengths',
  (samples: readonly unknown[]) => ({ texts: samples.map((sample) => JSON.stringify(sample)) }),
);
