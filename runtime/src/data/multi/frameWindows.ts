import { createHash } from 'node:crypto';
import { isUsageError, UsageError } from '../../errors.ts';
import type { Dataset } from '../dataset.ts';
import { TemporalWindows, type TemporalWindowOptions } from '../order/temporalWindows.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export interface FrameWindowOptions extends Required<TemporalWindowOptions> {
  /** Frames of each episode; they sum to the length of the dataset. */
  readonly episodes: readonly number[];
}

/** The windows of a dataset of frames: a sample is the list of a window's frames, in order. */
export class FrameWindows implements Dataset<unknown[]> {
  readonly length: number;
  readonly base: Dataset;
  readonly options: FrameWindowOptions;
  readonly windows: TemporalWindows;

  constructor(base: Dataset, options: FrameWindowOptions) {
    this.base = base;
    this.options = options;
    this.windows = new TemporalWindows(options.episodes, options);
    this.length = this.windows.length;
  }

  get(index: number): unknown[] | Promise<unknown[]> {
    const { firstFrame } = this.windows.at(index);
    const frames = Array.from({ length: this.windows.frames }, (_, frame) =>
      this.base.get(firstFrame + frame),
    );
    return frames.some((frame) => frame instanceof Promise) ? Promise.all(frames) : frames;
  }

  async prepare(): Promise<void> {
    await this.base.prepare?.();
  }

  /** Of the frames, if known, and the windows. */
  get fingerprint(): string {
    const { contextLength, arSteps, stride, episodes } = this.options;
    const windows = JSON.stringify([contextLength, arSteps, stride, episodes]);
    return createHash('sha256')
      .update(`windows ${this.base.fingerprint ?? ''}\n${windows}`)
      .digest('hex');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<FrameWindows>(this, FrameWindows, ['get'], () => ({
      module: import.meta.url,
      name: 'FrameWindows',
      args: [this.base, this.options],
    }));
  }
}

/**
 * Windows over a named dataset that knows its episodes.
 * @throws UsageError naming the dataset when it does not, or when no window fits an episode
 */
export function openWindows(
  name: string,
  base: Dataset,
  windows: Required<TemporalWindowOptions>,
): FrameWindows {
  const episodes = episodesOf(name, base);
  if (episodes === undefined) {
    throw new UsageError(
      'ERR_DATA_EPISODES',
      `Dataset "${name}" does not say where its episodes end, so context_length ${windows.contextLength} and ar_steps ${windows.arSteps} have no windows in it. ` +
        'Give its class a field episodes with the length of each one, wrap it in lightbox.data.Episodes, or set context_length: 1 and ar_steps: 0.',
    );
  }
  try {
    return new FrameWindows(base, { ...windows, episodes });
  } catch (error) {
    if (!isUsageError(error)) throw error;
    throw new UsageError(error.code, `Dataset "${name}": ${error.message}`);
  }
}

/**
 * Lengths of a dataset's episodes; undefined when it has none.
 * @throws UsageError (ERR_DATA_EPISODES) when they do not sum to its length
 */
export function episodesOf(
  name: string,
  { episodes, length }: Dataset,
): readonly number[] | undefined {
  if (episodes === undefined) return undefined;
  const sum = episodes.reduce((total, frames) => total + frames, 0);
  if (sum === length) return episodes;
  throw new UsageError(
    'ERR_DATA_EPISODES',
    `The ${episodes.length} episodes of dataset "${name}" have ${sum} frames in all, but the dataset has ${length}. Every frame must belong to one episode.`,
  );
}
