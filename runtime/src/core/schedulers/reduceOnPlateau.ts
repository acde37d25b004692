import { z } from 'zod';
import type { JsonObject } from '../json.ts';
import type { MetricScheduler } from './scheduler.ts';

/** Lowers the rate when a metric has stopped improving, as torch's ReduceLROnPlateau. */
export class ReduceOnPlateau implements MetricScheduler {
  static readonly schema = z.strictObject({
    monitor: z.string().min(1).default('val/loss').describe('Full name of the metric'),
    mode: z.enum(['min', 'max']).default('min').describe('Whether lower or higher is better'),
    factor: z.number().positive().lt(1).default(0.1).describe('Factor of each reduction'),
    patience: z.number().int().nonnegative().default(10).describe('Bad validations tolerated'),
    threshold: z.number().nonnegative().default(1e-4).describe('Least change that counts'),
    thresholdMode: z
      .enum(['rel', 'abs'])
      .default('rel')
      .describe('Threshold as a share of the best value, or as it is'),
    cooldown: z.number().int().nonnegative().default(0).describe('Validations to wait after one'),
    minLr: z.number().nonnegative().default(0).describe('Lowest learning rate'),
  });
  readonly name = 'reduceOnPlateau';
  readonly interval = 'update';
  readonly monitor: string;
  readonly options: z.output<typeof ReduceOnPlateau.schema>;
  #best: number | null = null;
  #bad = 0;
  #cooling = 0;
  #scale = 1;

  constructor(options: z.input<typeof ReduceOnPlateau.schema> = {}) {
    this.options = ReduceOnPlateau.schema.parse(options);
    this.monitor = this.options.monitor;
  }

  factor(_position: number, _total: number, lr: number): number {
    const floor = lr === 0 ? 0 : Math.min(1, this.options.minLr / lr);
    return Math.max(this.#scale, floor);
  }

  /** To be called once after each validation; NaN counts as no improvement. */
  observe(value: number): void {
    if (this.#improves(value)) {
      this.#best = value;
      this.#bad = 0;
    } else {
      this.#bad++;
    }
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#bad = 0;
    }
    if (this.#bad > this.options.patience) {
      this.#scale *= this.options.factor;
      this.#cooling = this.options.cooldown;
      this.#bad = 0;
    }
  }

  stateDict(): JsonObject {
    return { best: this.#best, bad: this.#bad, cooling: this.#cooling, scale: this.#scale };
  }

  loadStateDict(state: JsonObject): void {
    this.#best = typeof state.best === 'number' ? state.best : null;
    this.#bad = Number(state.bad);
    this.#cooling = Number(state.cooling);
    this.#scale = Number(state.scale);
  }

  #improves(value: number): boolean {
    const best = this.#best;
    if (best === null) return !Number.isNaN(value);
    const { mode, threshold, thresholdMode } = this.options;
    const direction = mode === 'min' ? -1 : 1;
    // torch's form, best * (1 -+ threshold), also where the best value is negative.
    const bar = best + direction * threshold * (thresholdMode === 'rel' ? best : 1);
    return mode === 'min' ? value < bar : value > bar;
  }
}
