import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import type { JsonObject } from '../core/json.ts';
import type { ParamGroupOptions } from '../core/optim/paramGroups.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { OptimizerGroupView, TrainerContext } from '../core/trainerContext.ts';

const schema = z.strictObject({
  backbone: z.string().min(1).default('backbone').describe('Sub-module that is frozen at first.'),
  unfreezeBackboneAtEpoch: z
    .int()
    .nonnegative()
    .default(10)
    .describe('Epoch (from 0) from which on it is trained too.'),
  backboneInitialRatioLr: z
    .number()
    .positive()
    .default(0.1)
    .describe('Its first learning rate, as a share of what the schedule says then.'),
  backboneInitialLr: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Its first learning rate in absolute terms; replaces the ratio.'),
  multiplier: z
    .number()
    .positive()
    .default(2)
    .describe('What its learning rate is multiplied by with each epoch after that.'),
  shouldAlign: z
    .boolean()
    .default(true)
    .describe('Never more than the scheduled rate: from there on it follows the schedule.'),
  verbose: z.boolean().default(false).describe('Print when the backbone is unfrozen.'),
});

export type BackboneFinetuningOptions = z.input<typeof schema>;

/**
 * Trains the head alone first, then the pretrained backbone too with a learning rate that grows
 * to the head's. The backbone is a parameter group of its own (`backbone`) in every optimizer, so
 * its rate shows in `lr/<optimizer>/backbone`. Exact after a resume, before and after unfreezing.
 */
export class BackboneFinetuning implements Callback {
  static readonly schema = schema;
  readonly parameterGroups: readonly ParamGroupOptions[];
  readonly #options: z.output<typeof schema>;
  #firstRates: Record<string, number> = {};

  constructor(options: BackboneFinetuningOptions = {}) {
    this.#options = parseOptions(schema, options, 'BackboneFinetuning');
    const { backbone } = this.#options;
    this.parameterGroups = [{ name: 'backbone', match: [`${backbone}.*`] }];
  }

  setup({ module, kind }: TrainerContext): void {
    if (kind === 'fit') module.freeze(this.#options.backbone);
  }

  onTrainEpochStart({ module, terminal, currentEpoch }: TrainerContext): void {
    const { backbone, unfreezeBackboneAtEpoch, verbose } = this.#options;
    if (currentEpoch !== unfreezeBackboneAtEpoch) return;
    module.unfreeze(backbone);
    if (verbose) terminal.line(`BackboneFinetuning: training "${backbone}" from here on.`);
  }

  learningRate(
    { currentEpoch }: TrainerContext,
    { optimizer, group, lr }: OptimizerGroupView,
  ): number {
    const { unfreezeBackboneAtEpoch: start, multiplier, shouldAlign } = this.#options;
    if (group !== 'backbone' || currentEpoch < start) return lr;
    const { backboneInitialLr, backboneInitialRatioLr } = this.#options;
    this.#firstRates[optimizer] ??= backboneInitialLr ?? lr * backboneInitialRatioLr;
    const own = this.#firstRates[optimizer] * multiplier ** (currentEpoch - start);
    return shouldAlign ? Math.min(own, lr) : own;
  }

  stateDict(): JsonObject {
    return { firstRates: { ...this.#firstRates } };
  }

  loadStateDict({ firstRates }: JsonObject): void {
    this.#firstRates = { ...(firstRates as Record<string, number>) };
  }
}
