import { z } from 'zod';
import { intervalSchema } from './interval.ts';
import type { Scheduler } from './scheduler.ts';

/** The base learning rate all the way, times `factor`. */
export class Constant implements Scheduler {
  static readonly schema = z.strictObject({
    interval: intervalSchema,
    factor: z.number().nonnegative().default(1).describe('Factor on the learning rate'),
  });
  readonly name = 'constant';
  readonly interval: Scheduler['interval'];
  readonly #factor: number;

  constructor(options: z.input<typeof Constant.schema> = {}) {
    const { interval, factor } = Constant.schema.parse(options);
    this.interval = interval;
    this.#factor = factor;
  }

  factor(): number {
    return this.#factor;
  }
}
