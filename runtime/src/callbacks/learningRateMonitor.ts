import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';

const schema = z.strictObject({
  loggingInterval: z
    .enum(['step', 'epoch'])
    .default('step')
    .describe('step: with each row of training values; epoch: at the end of each epoch.'),
  logMomentum: z.boolean().default(false).describe('Log the momentum too.'),
  logWeightDecay: z.boolean().default(false).describe('Log the weight decay too.'),
});

export type LearningRateMonitorOptions = z.input<typeof schema>;

/** Logs learning rates as `lr/<optimizer>/<group>`. */
export class LearningRateMonitor implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;

  constructor(options: LearningRateMonitorOptions = {}) {
    this.#options = parseOptions(schema, options, 'LearningRateMonitor');
  }

  /** Here the rate of the coming update is known, and each update comes by exactly once. */
  onBeforeOptimizerStep(context: TrainerContext): void {
    const every = context.plan?.logEveryUpdates ?? 1;
    if (this.#options.loggingInterval !== 'step') return;
    if ((context.globalStep + 1) % every === 0) this.#log(context);
  }

  onTrainEpochEnd(context: TrainerContext): void {
    if (this.#options.loggingInterval === 'epoch') this.#log(context);
  }

  #log(context: TrainerContext): void {
    const { logMomentum, logWeightDecay } = this.#options;
    const values: Record<string, number> = {};
    for (const { optimizer, group, lr, momentum, weightDecay } of context.optimizers) {
      const name = `${optimizer}/${group}`;
      values[`lr/${name}`] = lr;
      if (logMomentum && momentum !== undefined) values[`momentum/${name}`] = momentum;
      if (logWeightDecay && weightDecay !== undefined) values[`weight_decay/${name}`] = weightDecay;
    }
    context.logValues(values);
  }
}
