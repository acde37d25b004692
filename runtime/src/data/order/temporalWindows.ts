import { UsageError } from '../../errors.ts';

export interface TemporalWindowOptions {
  /** Frames of context, at least 1. Default 1. */
  readonly contextLength?: number;
  /** Frames after the context, as targets. Default 0. */
  readonly arSteps?: number;
  /** Frames between the beginnings of two windows. Default 1. */
  readonly stride?: number;
}

/** Where a window lies; its frames are `firstFrame` .. `firstFrame + frames - 1` of one episode. */
export interface TemporalWindow {
  readonly episode: number;
  /** Offset of the window inside its episode. */
  readonly offset: number;
  /** Index of the window's first frame, all episodes end to end. */
  readonly firstFrame: number;
}

/**
 * Windows of `contextLength + arSteps` consecutive frames over episodes that lie end to end. No
 * window crosses an episode; episodes shorter than a window have none. `at` is a binary search.
 */
export class TemporalWindows {
  /** Number of windows. */
  readonly length: number;
  /** Frames in each window. */
  readonly frames: number;
  readonly #stride: number;
  // Windows and frames before each episode.
  readonly #windows: Float64Array;
  readonly #starts: Float64Array;

  /**
   * @param episodeLengths frames of each episode
   * @throws UsageError for values that are not whole numbers in range, or when no window fits
   */
  constructor(episodeLengths: readonly number[], options: TemporalWindowOptions = {}) {
    const { contextLength = 1, arSteps = 0, stride = 1 } = options;
    checkWhole('context_length', contextLength, 1);
    checkWhole('ar_steps', arSteps, 0);
    checkWhole('stride', stride, 1);
    this.frames = contextLength + arSteps;
    this.#stride = stride;
    this.#windows = new Float64Array(episodeLengths.length + 1);
    this.#starts = new Float64Array(episodeLengths.length + 1);
    episodeLengths.forEach((length, episode) => {
      checkWhole(`the length of episode ${episode}`, length, 0);
      const windows = Math.max(0, Math.floor((length - this.frames) / stride) + 1);
      this.#windows[episode + 1] = this.#windows[episode] + windows;
      this.#starts[episode + 1] = this.#starts[episode] + length;
    });
    this.length = this.#windows[episodeLengths.length];
    if (this.length === 0) {
      const longest = episodeLengths.reduce((a, b) => Math.max(a, b), 0);
      throw new UsageError(
        'ERR_DATA_EMPTY',
        `No window of ${this.frames} frames (context_length ${contextLength} + ar_steps ${arSteps}) fits: the longest episode has ${longest}. Lower one of them.`,
      );
    }
  }

  /** @param index 0 .. length - 1 */
  at(index: number): TemporalWindow {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Window ${index} of ${this.length}.`);
    }
    let low = 0;
    let high = this.#windows.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#windows[middle] <= index) low = middle;
      else high = middle;
    }
    const offset = (index - this.#windows[low]) * this.#stride;
    return { episode: low, offset, firstFrame: this.#starts[low] + offset };
  }
}

function checkWhole(what: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new UsageError(
    'ERR_DATA_WINDOW',
    `Temporal windows: ${what} must be a whole number, at least ${least}; got ${value}.`,
  );
}
