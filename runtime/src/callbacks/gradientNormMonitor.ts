import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';

const schema = z.strictObject({
  depth: z
    .int()
    .nonnegative()
    .nullable()
    .default(null)
    .describe(
      'Parts of names that count as modules: 1 gives "encoder", 2 "encoder.0" too. 0: the total alone; null: down to single layers.',
    ),
  parameters: z.boolean().default(false).describe('Log the norm of each parameter too.'),
  everyNUpdates: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe('Updates between two measurements. Default: whenever training values are logged.'),
});

export type GradientNormMonitorOptions = z.input<typeof schema>;

/**
 * Logs the 2-norm of the gradients before clipping: `grad_norm/total` and `grad_norm/<module>` for
 * every module down to its layers, from one pass over the gradients. Where gradients are clipped
 * by their norm it logs `grad_norm/clipped`, the share of updates since the last row that were,
 * and says at the end how often that was.
 */
export class GradientNormMonitor implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  #window = { updates: 0, clipped: 0 };
  #total = { updates: 0, clipped: 0 };
  #update = 0;

  constructor(options: GradientNormMonitorOptions = {}) {
    this.#options = parseOptions(schema, options, 'GradientNormMonitor');
  }

  onTrainStart({ globalStep }: TrainerContext): void {
    this.#update = globalStep;
  }

  onBeforeOptimizerStep(context: TrainerContext, round: string): void {
    const every = this.#options.everyNUpdates ?? context.plan?.logEveryUpdates ?? 1;
    if ((context.globalStep + 1) % every !== 0) return;
    const prefix = round === 'default' ? 'grad_norm' : `grad_norm/${round}`;
    const squares = this.#rollUp(context.gradientSquares(round));
    context.logValues(
      Object.fromEntries(
        [...squares].map(([name, square]) => [`${prefix}/${name}`, Math.sqrt(square)]),
      ),
    );
  }

  onTrainBatchEnd(context: TrainerContext): void {
    const { globalStep, gradientsClipped } = context;
    if (globalStep === this.#update || gradientsClipped === null) return;
    this.#update = globalStep;
    for (const counts of [this.#window, this.#total]) {
      counts.updates++;
      if (gradientsClipped) counts.clipped++;
    }
    const every = this.#options.everyNUpdates ?? context.plan?.logEveryUpdates ?? 1;
    if (globalStep % every !== 0) return;
    context.logValues({ 'grad_norm/clipped': this.#window.clipped / this.#window.updates });
    this.#window = { updates: 0, clipped: 0 };
  }

  onTrainEnd({ terminal }: TrainerContext): void {
    const { updates, clipped } = this.#total;
    if (updates === 0) return;
    const share = clipped / updates;
    const judgement = share < 0.05 ? 'healthy' : share < 0.2 ? 'moderate' : 'excessive';
    terminal.line(
      `Gradients were clipped in ${(share * 100).toFixed(1)}% of ${updates.toLocaleString('en-US')} updates: ${judgement}.`,
    );
  }

  stateDict(): JsonObject {
    return { window: { ...this.#window }, total: { ...this.#total }, update: this.#update };
  }

  loadStateDict(state: JsonObject): void {
    const { window, total, update } = state as unknown as {
      window: { updates: number; clipped: number };
      total: { updates: number; clipped: number };
      update: number;
    };
    this.#window = { ...window };
    this.#total = { ...total };
    this.#update = update;
  }

  /** Squares of modules from those of their parameters: each is added to every module it is in. */
  #rollUp(squares: ReadonlyMap<string, number>): Map<string, number> {
    const { depth, parameters } = this.#options;
    const sums = new Map([['total', 0]]);
    const add = (name: string, square: number): void => {
      sums.set(name, (sums.get(name) ?? 0) + square);
    };
    for (const [name, square] of squares) {
      add('total', square);
      const parts = name.split('.');
      const deepest = Math.min(depth ?? parts.length, parts.length - 1);
      for (let length = 1; length <= deepest; length++) {
        add(parts.slice(0, length).join('.'), square);
      }
      // A variable in a field of the module itself is a layer of its own.
      if (parameters || (parts.length === 1 && depth !== 0)) add(name, square);
    }
    return sums;
  }
}
