/** How learning rates are spread between two ends. */
export interface LrRange {
  readonly minLr: number;
  readonly maxLr: number;
  /** Updates, at least 2. */
  readonly steps: number;
  readonly mode: 'exponential' | 'linear';
}

/** The loss of one update, at the learning rate that it was made with. */
export interface LrPoint {
  readonly lr: number;
  readonly loss: number;
  /** Bias-corrected moving average of the losses so far. */
  readonly smoothed: number;
}

/** The learning rate of update `index` (from 0). */
export function rateAt({ minLr, maxLr, steps, mode }: LrRange, index: number): number {
  const share = index / (steps - 1);
  if (mode === 'linear') return minLr + share * (maxLr - minLr);
  return minLr * (maxLr / minLr) ** share;
}

/** Losses at rising learning rates: smooths them and says when they run away. */
export class LrCurve {
  readonly points: LrPoint[] = [];
  readonly #beta: number;
  readonly #threshold: number | null;
  #average = 0;
  #best = Infinity;

  /**
   * @param threshold how many times the best smoothed loss is too much; null never stops
   * @param beta weight of the past in the average
   */
  constructor(threshold: number | null = 4, beta = 0.98) {
    this.#threshold = threshold;
    this.#beta = beta;
  }

  /** @returns true when the loss has run away: there is nothing to learn from higher rates */
  add(lr: number, loss: number): boolean {
    const count = this.points.length + 1;
    this.#average = this.#beta * this.#average + (1 - this.#beta) * loss;
    const smoothed = this.#average / (1 - this.#beta ** count);
    this.points.push({ lr, loss, smoothed });
    if (!Number.isFinite(smoothed)) return true;
    this.#best = Math.min(this.#best, smoothed);
    return count > 1 && this.#threshold !== null && smoothed > this.#limit(this.#threshold);
  }

  /** For losses below zero, which cannot be multiplied, the fall so far takes their place. */
  #limit(threshold: number): number {
    if (this.#best > 0) return threshold * this.#best;
    const fall = this.points[0].smoothed - this.#best;
    return this.#best + threshold * Math.max(fall, Math.abs(this.#best) * 1e-3);
  }
}

/** A learning rate that a curve speaks for, or null when it has too few points or never falls. */
export interface LrSuggestions {
  /**
   * Where the smoothed loss falls fastest from one update to the next; the ends of the curve are
   * left out. By updates, not by rates: the lowest rates lie so close that their noise would win.
   */
  readonly steepest: number | null;
  /** Two thirds down the longest fall of the smoothed loss. */
  readonly valley: number | null;
}

export function suggestRates(points: readonly LrPoint[]): LrSuggestions {
  return { steepest: steepest(points), valley: valley(points) };
}

/** Points left out: the average is not settled at the start, and the end is already too far. */
const [skippedFirst, skippedLast] = [10, 1];

function steepest(points: readonly LrPoint[]): number | null {
  const inner = points.slice(skippedFirst, -skippedLast).filter(isFinitePoint);
  if (inner.length < 2) return null;
  const slopes = inner.map((_, index) => {
    const [from, to] = [Math.max(0, index - 1), Math.min(inner.length - 1, index + 1)];
    return (inner[to].smoothed - inner[from].smoothed) / (to - from);
  });
  const least = Math.min(...slopes);
  return least < 0 ? inner[slopes.indexOf(least)].lr : null;
}

/** After the longest decreasing subsequence, which passes over single rises. */
function valley(points: readonly LrPoint[]): number | null {
  const inner = points.slice(skippedFirst, -skippedLast).filter(isFinitePoint);
  const lengths = inner.map(() => 1);
  let end = 0;
  for (let to = 1; to < inner.length; to++) {
    for (let from = 0; from < to; from++) {
      if (inner[to].smoothed < inner[from].smoothed) {
        lengths[to] = Math.max(lengths[to], lengths[from] + 1);
      }
    }
    if (lengths[to] > lengths[end]) end = to;
  }
  if (inner.length < 2 || lengths[end] < 3) return null;
  const start = Math.max(0, end - lengths[end]);
  const third = (end - start) / 3;
  return inner[start + Math.floor(third) + Math.floor(third / 2)].lr;
}

function isFinitePoint({ smoothed }: LrPoint): boolean {
  return Number.isFinite(smoothed);
}
