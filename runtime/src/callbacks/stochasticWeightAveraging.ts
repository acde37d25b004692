import { join } from 'node:path';
import { z } from 'zod';
import { checkpointsFolder } from '../checkpoint/index.ts';
import type { Callback, StateTensor } from '../core/callback.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import { resolveSpan } from '../core/schedulers/span.ts';
import type { OptimizerGroupView, TrainerContext } from '../core/trainerContext.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { UsageError } from '../errors.ts';
import { updateBatchNorm } from './batchNormStatistics.ts';
import { AveragedWeights } from './averagedWeights.ts';

const span = z.union([z.number().nonnegative(), z.string().min(1)]);
const schema = z.strictObject({
  swaLrs: z
    .number()
    .positive()
    .describe('Learning rate of the averaging phase, for all parameter groups.'),
  swaEpochStart: span
    .default('80%')
    .describe(
      'When averaging begins: an epoch (from 0), or "80%" of the epochs; 0.8 means that too.',
    ),
  annealingEpochs: z
    .int()
    .nonnegative()
    .default(10)
    .describe('Epochs in which the learning rate goes from what it was to swa_lrs.'),
  annealingStrategy: z.enum(['cos', 'linear']).default('cos').describe('Form of that way.'),
});

export type StochasticWeightAveragingOptions = z.input<typeof schema>;

/**
 * Stochastic weight averaging (Izmailov et al., 2018): from `swa_epoch_start` on the learning rate
 * goes to `swa_lrs` and stays there, and the weights at the end of each epoch are averaged. When
 * training has ended and its last checkpoint is written (`onFitEnd`), the averages replace the
 * weights, the statistics of batch normalisation are computed anew by one pass over the training
 * data, and both are saved as `checkpoints/swa.safetensors` where the run keeps checkpoints, for
 * `test` and `predict`. Validations before that see the plain weights, and so do checkpoints, which
 * hold the averages beside them as `swa/<parameter>`: a run that is paused, or continued beyond its
 * end, goes on exactly where it was.
 */
export class StochasticWeightAveraging implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  readonly #averages = new AveragedWeights('swa');
  #firstRates: Record<string, number> = {};

  constructor(options: StochasticWeightAveragingOptions) {
    this.#options = parseOptions(schema, options, 'StochasticWeightAveraging');
  }

  /** Epochs averaged so far. */
  get averaged(): number {
    return this.#averages.count;
  }

  onFitStart(context: TrainerContext): void {
    const start = this.#start(context);
    const { maxEpochs } = context.plan ?? {};
    if (typeof maxEpochs !== 'number' || start < maxEpochs) return;
    throw new UsageError(
      'ERR_SWA_START',
      `StochasticWeightAveraging.swa_epoch_start: expected an epoch before max_epochs ` +
        `(${String(maxEpochs)}), got ${String(this.#options.swaEpochStart)}.`,
    );
  }

  learningRate(context: TrainerContext, { optimizer, group, lr }: OptimizerGroupView): number {
    const start = this.#start(context);
    if (context.currentEpoch < start) return lr;
    const key = `${optimizer}/${group}`;
    const first = (this.#firstRates[key] ??= lr);
    const { swaLrs, annealingEpochs, annealingStrategy } = this.#options;
    const done = context.currentEpoch - start;
    const fraction = annealingEpochs === 0 ? 1 : Math.min(1, done / annealingEpochs);
    const share =
      annealingStrategy === 'linear' ? fraction : (1 - Math.cos(Math.PI * fraction)) / 2;
    return first + (swaLrs - first) * share;
  }

  onTrainEpochEnd(context: TrainerContext): void {
    if (context.currentEpoch >= this.#start(context)) this.#averages.add(context.module);
  }

  async onFitEnd(context: TrainerContext): Promise<void> {
    const { ended, module, terminal, lastCheckpoint, runDir } = context;
    if (ended === 'paused' || ended === 'interrupted' || this.#averages.count === 0) return;
    this.#averages.copyTo(module);
    const statistics = await updateBatchNorm(context);
    terminal.line(`SWA: weights averaged over ${String(this.averaged)} epochs${statistics}.`);
    if (lastCheckpoint === null) return;
    const path = await context.saveCheckpoint(join(runDir, checkpointsFolder, 'swa'), {
      weightsOnly: true,
      kinds: ['averaged'],
    });
    terminal.line(`Saved ${path}: the averaged weights. Use them with --ckpt_path ${path}`);
  }

  stateDict(): JsonObject {
    return { count: this.#averages.count, firstRates: { ...this.#firstRates } };
  }

  loadStateDict({ count, firstRates }: JsonObject): void {
    this.#averages.count = Number(count);
    this.#firstRates = { ...(firstRates as Record<string, number>) };
  }

  stateTensors(): readonly StateTensor[] {
    return this.#averages.tensors();
  }

  loadStateTensors(tensors: ReadonlyMap<string, StateTensor>, module: TrainModule): void {
    if (this.#averages.count > 0) this.#averages.load(tensors, module);
  }

  /** The first epoch of the averaging phase. */
  #start({ plan }: TrainerContext): number {
    const { swaEpochStart: start } = this.#options;
    if (typeof start === 'number' && (start >= 1 || start === 0)) return Math.floor(start);
    const text = typeof start === 'number' ? `${String(start * 100)}%` : start;
    const total = plan?.totalEpochs ?? null;
    const where = 'StochasticWeightAveraging.swa_epoch_start';
    if (total !== null) return Math.min(total - 1, resolveSpan(text, 'epoch', total, where));
    throw new UsageError(
      'ERR_SWA_START',
      `${where}: ${text} of a run whose number of epochs is not known. Set max_epochs, or give an epoch.`,
    );
  }
}
