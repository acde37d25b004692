import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import { Rng } from '../../random/rng.ts';
import type { BatchReader, Column, ImageKernel } from '../batchReader.ts';
import { isDataset, type Dataset } from '../dataset.ts';
import { Subset } from '../datasets/derived.ts';
import { keyedPermutation } from '../order/permutation.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { episodesOf } from './frameWindows.ts';

export const episodesSchema = z.strictObject({
  dataset: z.custom<Dataset>(isDataset, 'expected a dataset: class_path and init_args'),
  lengths: z
    .union([z.int().min(1), z.array(z.int().min(0)).min(1)])
    .describe('Frames of each episode in turn, or one number: all are as long, the last shorter'),
});

/** Says where the episodes of a dataset of frames end, for `context_length` and `ar_steps`. */
export class Episodes implements Dataset {
  static readonly schema = episodesSchema;

  readonly length: number;
  readonly episodes: readonly number[];
  readonly #dataset: Dataset;

  /** @throws UsageError (ERR_DATA_EPISODES) when the lengths do not sum to the dataset's */
  constructor(options: z.input<typeof episodesSchema>) {
    const { dataset, lengths } = parseOptions(episodesSchema, options, 'Episodes');
    this.#dataset = dataset;
    this.length = dataset.length;
    this.episodes = typeof lengths === 'number' ? equalEpisodes(this.length, lengths) : lengths;
    episodesOf('Episodes', this);
  }

  get(index: number): unknown {
    return this.#dataset.get(index);
  }

  get fingerprint(): string | undefined {
    return this.#dataset.fingerprint;
  }

  get columns(): Readonly<Record<string, Column>> | undefined {
    return this.#dataset.columns;
  }

  reader(kernels?: Readonly<Record<string, ImageKernel>>): BatchReader | undefined {
    return this.#dataset.reader?.(kernels);
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<Episodes>(this, Episodes, ['get', 'reader'], () => ({
      module: import.meta.url,
      name: 'Episodes',
      args: [{ dataset: this.#dataset, lengths: this.episodes }],
    }));
  }
}

/**
 * Sets whole episodes aside, at random: at least `fraction` of the frames, and at least one episode
 * on either side.
 * @returns the remaining and the held out part; each knows its episodes
 */
export function splitEpisodes(
  name: string,
  dataset: Dataset,
  fraction: number,
  seed: number,
): [rest: Episodes, held: Episodes] {
  const episodes = episodesOf(name, dataset) ?? [];
  const order = keyedPermutation(
    Math.max(1, episodes.length),
    Rng.fromSeed(seed).fold('lightbox.data', 'split episodes'),
  );
  const held = new Set<number>();
  let frames = 0;
  for (let turn = 0; turn < episodes.length && frames < fraction * dataset.length; turn++) {
    held.add(order.at(turn));
    frames += episodes[order.at(turn)];
  }
  if (frames >= dataset.length) {
    throw new UsageError(
      'ERR_DATA_SPLIT',
      `Dataset "${name}" has ${episodes.length} episodes; setting whole ones aside for val_fraction ${fraction} would leave none to train on. Name its validation part in val_datasets.`,
    );
  }
  return [
    chosenEpisodes(dataset, episodes, (episode) => !held.has(episode)),
    chosenEpisodes(dataset, episodes, (episode) => held.has(episode)),
  ];
}

function chosenEpisodes(
  dataset: Dataset,
  episodes: readonly number[],
  isChosen: (episode: number) => boolean,
): Episodes {
  const indices: number[] = [];
  let first = 0;
  episodes.forEach((length, episode) => {
    for (let frame = 0; isChosen(episode) && frame < length; frame++) indices.push(first + frame);
    first += length;
  });
  const lengths = episodes.filter((_, episode) => isChosen(episode));
  return new Episodes({ dataset: new Subset(dataset, indices), lengths });
}

function equalEpisodes(total: number, length: number): number[] {
  return Array.from({ length: Math.ceil(total / length) }, (_, episode) =>
    Math.min(length, total - episode * length),
  );
}
