import { z } from 'zod';
import { intervalSchema } from './interval.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * Smith and Topin's 1cycle policy in the form of torch's OneCycleLR (momentum is left alone): up
 * from lr / divFactor to lr, then down to lr / divFactor / finalDivFactor. The base rate of the
 * optimizer is the highest one. A phase that has no length counts as finished, so that every
 * total from 1 and every pctStart give finite rates.
 */
export class OneCycle implements Scheduler {
  static readonly schema = z.strictObject({
    interval: intervalSchema,
    pctStart: z.number().min(0).max(1).default(0.3).describe('Share of the run that goes up'),
    divFactor: z.number().min(1).default(25).describe('Highest rate / first rate'),
    finalDivFactor: z.number().min(1).default(1e4).describe('First rate / last rate'),
    annealStrategy: z.enum(['cos', 'linear']).default('cos').describe('Form of both phases'),
  });
  readonly name = 'oneCycle';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof OneCycle.schema>;

  constructor(options: z.input<typeof OneCycle.schema> = {}) {
    this.options = OneCycle.schema.parse(options);
    this.interval = this.options.interval;
  }

  factor(position: number, total: number): number {
    const { pctStart, divFactor, finalDivFactor } = this.options;
    const first = 1 / divFactor;
    const last = first / finalDivFactor;
    const peak = pctStart * total - 1;
    const end = total - 1;
    const at = Math.min(Math.max(0, position), end);
    if (at <= peak) return this.#anneal(first, 1, share(at, 0, peak));
    return this.#anneal(1, last, share(at, peak, end));
  }

  #anneal(from: number, to: number, fraction: number): number {
    if (this.options.annealStrategy === 'linear') return from + (to - from) * fraction;
    return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * fraction));
  }
}

function share(at: number, start: number, end: number): number {
  return end > start ? (at - start) / (end - start) : 1;
}
