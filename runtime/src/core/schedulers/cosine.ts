import { z } from 'zod';
import { intervalSchema, progress } from './interval.ts';
import type { Scheduler } from './scheduler.ts';

export const etaMinSchema = z
  .number()
  .nonnegative()
  .default(0)
  .describe('Learning rate at the end, in absolute terms');

/** Half a cosine from the base rate to `etaMin` over the run, as torch's CosineAnnealingLR. */
export class Cosine implements Scheduler {
  static readonly schema = z.strictObject({ interval: intervalSchema, etaMin: etaMinSchema });
  readonly name = 'cosine';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof Cosine.schema>;

  constructor(options: z.input<typeof Cosine.schema> = {}) {
    this.options = Cosine.schema.parse(options);
    this.interval = this.options.interval;
  }

  factor(position: number, total: number, lr: number): number {
    return cosineFactor(progress(position, total), this.options.etaMin, lr);
  }
}

/** @param fraction how much of the half wave is done, 0 .. 1 */
export function cosineFactor(fraction: number, etaMin: number, lr: number): number {
  const floor = lr === 0 ? 0 : etaMin / lr;
  return floor + ((1 - floor) * (1 + Math.cos(Math.PI * fraction))) / 2;
}
