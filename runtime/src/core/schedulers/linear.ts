import { z } from 'zod';
import { intervalSchema } from './interval.ts';
import type { Scheduler } from './scheduler.ts';
import { resolveSpan, spanSchema } from './span.ts';

/** A straight line from one factor to another, then constant: a warm-up. As torch's LinearLR. */
export class Linear implements Scheduler {
  static readonly schema = z.strictObject({
    interval: intervalSchema,
    startFactor: z
      .number()
      .nonnegative()
      .default(1 / 3)
      .describe('Factor at the first position'),
    endFactor: z.number().nonnegative().default(1).describe('Factor from the end of the line on'),
    over: spanSchema.default('100%').describe('Length of the line'),
  });
  readonly name = 'linear';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof Linear.schema>;

  constructor(options: z.input<typeof Linear.schema> = {}) {
    this.options = Linear.schema.parse(options);
    this.interval = this.options.interval;
    resolveSpan(this.options.over, this.interval, 1, 'Linear.over');
  }

  factor(position: number, total: number): number {
    const { startFactor, endFactor, over } = this.options;
    const length = resolveSpan(over, this.interval, total, 'Linear.over');
    if (position >= length) return endFactor;
    return startFactor + ((endFactor - startFactor) * position) / length;
  }
}
