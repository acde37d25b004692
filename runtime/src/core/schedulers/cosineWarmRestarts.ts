import { z } from 'zod';
import { cosineFactor, etaMinSchema } from './cosine.ts';
import { intervalSchema } from './interval.ts';
import type { Scheduler } from './scheduler.ts';
import { resolveSpan, spanSchema } from './span.ts';

/**
 * Half cosines one after the other, each from the base rate to `etaMin` and `multiplier` times as
 * long as the one before: SGDR, as torch's CosineAnnealingWarmRestarts.
 */
export class CosineWarmRestarts implements Scheduler {
  static readonly schema = z.strictObject({
    interval: intervalSchema,
    first: spanSchema.default('25%').describe('Length of the first cosine: "500 updates", "25%"'),
    multiplier: z.number().int().positive().default(1).describe('Length of each / the one before'),
    etaMin: etaMinSchema,
  });
  readonly name = 'cosineWarmRestarts';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof CosineWarmRestarts.schema>;

  constructor(options: z.input<typeof CosineWarmRestarts.schema> = {}) {
    this.options = CosineWarmRestarts.schema.parse(options);
    this.interval = this.options.interval;
    resolveSpan(this.options.first, this.interval, 1, 'CosineWarmRestarts.first');
  }

  factor(position: number, total: number, lr: number): number {
    const { first, multiplier, etaMin } = this.options;
    let length = Math.max(1, resolveSpan(first, this.interval, total, 'CosineWarmRestarts.first'));
    let at = Math.max(0, position);
    if (multiplier === 1) return cosineFactor((at % length) / length, etaMin, lr);
    while (at >= length) {
      at -= length;
      length *= multiplier;
    }
    return cosineFactor(at / length, etaMin, lr);
  }
}
