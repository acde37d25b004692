import { Mixing } from './mixing.ts';
import { integerWeights, weightTotal } from './weights.ts';

// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { floor } = Math;

/** Positions from `start` on that are mixed by these integer weights. */
export interface MixStretch {
  readonly start: number;
  readonly weights: readonly number[];
}

/** The stretch a position lies in; `end` is Infinity for the last one of a plan without turns. */
export interface StretchSpan {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

interface Segment extends MixStretch {
  readonly mixing: Mixing;
  /** Samples of each dataset before `start`. */
  readonly bases: readonly number[];
}

/** After `length` positions the plan starts over, every dataset `samples` further on. */
interface Turns {
  readonly length: number;
  readonly samples: readonly number[];
}

/**
 * Mixing whose weights change at given positions. Each stretch knows how many samples of each
 * dataset came before it, so a position is answered by a binary search over the stretches and one
 * `Mixing` within, wherever it is.
 */
export class MixPlan {
  readonly stretches: readonly MixStretch[];
  readonly #segments: readonly Segment[];
  readonly #turns: Turns | undefined;

  private constructor(segments: readonly Segment[], turns?: Turns) {
    this.stretches = segments.map(({ start, weights }) => ({ start, weights }));
    this.#segments = segments;
    this.#turns = turns;
  }

  /** @param stretches the first from position 0 on, in rising order; weights sum to 65,536 */
  static scheduled(stretches: readonly MixStretch[]): MixPlan {
    const segments: Segment[] = [];
    for (const { start, weights } of stretches) {
      const last = segments.at(-1);
      const bases = weights.map((_, dataset) =>
        last === undefined
          ? 0
          : last.bases[dataset] + last.mixing.count(dataset, start - last.start),
      );
      segments.push({ start, weights, mixing: new Mixing(weights), bases });
    }
    return new MixPlan(segments);
  }

  /**
   * Every sample of every dataset of positive weight once, then all over again. A dataset that was
   * seen completely drops out and the others share its part by their weights.
   */
  static withoutReplacement(weights: readonly number[], sizes: readonly number[]): MixPlan {
    const bases = weights.map(() => 0);
    const segments: Segment[] = [];
    let start = 0;
    let active = weights;
    while (active.some((weight) => weight > 0)) {
      const whole = integerWeights(
        active,
        active.map(() => ''),
      );
      const mixing = new Mixing(whole);
      segments.push({ start, weights: whole, mixing, bases: [...bases] });
      const length = Math.min(
        ...active.flatMap((weight, dataset) =>
          weight > 0 ? [mixing.firstPosition(dataset, sizes[dataset] - bases[dataset])] : [],
        ),
      );
      for (let dataset = 0; dataset < bases.length; dataset++) {
        bases[dataset] += mixing.count(dataset, length);
      }
      start += length;
      active = active.map((weight, dataset) => (bases[dataset] < sizes[dataset] ? weight : 0));
    }
    return new MixPlan(segments, { length: start, samples: bases });
  }

  /** Positions after which the plan starts over; Infinity for one that never does. */
  get turn(): number {
    return this.#turns?.length ?? Infinity;
  }

  /** Which dataset position `t` belongs to, and how many samples of it came before. */
  pick(t: number): { dataset: number; counter: number } {
    const turn = this.#turn(t);
    const inTurn = this.#turns === undefined ? t : t - turn * this.#turns.length;
    const { start, mixing, bases } = this.#segments[this.#find(inTurn)];
    const { dataset, counter } = mixing.pick(inTurn - start);
    return { dataset, counter: this.#before(turn, dataset) + bases[dataset] + counter };
  }

  /** Samples of `dataset` among the first `t` positions. */
  count(dataset: number, t: number): number {
    const turn = this.#turn(t);
    const inTurn = this.#turns === undefined ? t : t - turn * this.#turns.length;
    const { start, mixing, bases } = this.#segments[this.#find(inTurn)];
    return this.#before(turn, dataset) + bases[dataset] + mixing.count(dataset, inTurn - start);
  }

  /** The stretch that position `t` lies in. */
  span(t: number): StretchSpan {
    const length = this.#turns?.length ?? 0;
    const origin = this.#turn(t) * length;
    const index = this.#find(t - origin);
    const next = this.#segments.at(index + 1)?.start ?? this.turn;
    const wraps = index + 1 === this.#segments.length;
    return {
      index,
      start: origin + this.#segments[index].start,
      end: wraps ? origin + this.turn : origin + next,
    };
  }

  #turn(t: number): number {
    return this.#turns === undefined ? 0 : floor(t / this.#turns.length);
  }

  #before(turn: number, dataset: number): number {
    return this.#turns === undefined ? 0 : turn * this.#turns.samples[dataset];
  }

  #find(inTurn: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#segments[middle].start <= inTurn) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** A share of the mixture, 0..1, of an integer weight. */
export function shareOf(weight: number): number {
  return weight / weightTotal;
}
