import { z } from 'zod';
import { cosineFactor, etaMinSchema } from './cosine.ts';
import { intervalSchema, progress } from './interval.ts';
import type { Scheduler } from './scheduler.ts';
import { resolveSpan, spanSchema } from './span.ts';

/** A straight warm-up, then half a cosine from the base rate to `etaMin` over the rest of the run. */
export class WarmupCosine implements Scheduler {
  static readonly schema = z.strictObject({
    interval: intervalSchema,
    warmup: spanSchema.default('5%').describe('Length of the warm-up: "500 updates", "5%", 500'),
    startFactor: z.number().nonnegative().default(0).describe('Factor before the first position'),
    etaMin: etaMinSchema,
  });
  readonly name = 'warmupCosine';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof WarmupCosine.schema>;

  constructor(options: z.input<typeof WarmupCosine.schema> = {}) {
    this.options = WarmupCosine.schema.parse(options);
    this.interval = this.options.interval;
    resolveSpan(this.options.warmup, this.interval, 1, 'WarmupCosine.warmup');
  }

  factor(position: number, total: number, lr: number): number {
    const { warmup, startFactor, etaMin } = this.options;
    const length = resolveSpan(warmup, this.interval, total, 'WarmupCosine.warmup');
    if (position < length) {
      // From position + 1, so that the first update already learns something.
      return startFactor + ((1 - startFactor) * (position + 1)) / (length + 1);
    }
    return cosineFactor(progress(position - length, total - length), etaMin, lr);
  }
}
