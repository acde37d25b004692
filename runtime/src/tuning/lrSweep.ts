import { buildRun } from '../config/buildRun.ts';
import type { PreparedConfig } from '../config/prepare.ts';
import type { Callback } from '../core/callback.ts';
import type { Terminal } from '../core/ports.ts';
import { optimizerRounds } from '../core/optim/optimizerConfig.ts';
import type { OptimizerConfig } from '../core/optim/optimizerConfig.ts';
import type { Scheduler } from '../core/schedulers/scheduler.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { UsageError } from '../errors.ts';
import { Trainer } from '../trainer/trainer.ts';
import { LrCurve, rateAt, type LrRange } from './lrCurve.ts';

/** A sweep of learning rates over one training. */
export interface LrSweepTask extends LrRange {
  /** See `LrCurve`. */
  readonly threshold: number | null;
}

/**
 * Trains once with a learning rate that rises from update to update, and tells the loss of each.
 * The weights are lost afterwards: run it in a process of its own.
 * @param config limited to the sweep's updates and without everything that writes
 * @param onPoint learning rate and mean loss of one update
 */
export async function sweepLearningRate(
  config: PreparedConfig,
  task: LrSweepTask,
  terminal: Terminal,
  onPoint: (lr: number, loss: number) => void,
): Promise<void> {
  const { module, dataModule, trainerOptions } = await buildRun(config);
  const configure = module.configureOptimizers.bind(module);
  module.configureOptimizers = () => withSweep(configure(), task);
  const watch = new LossWatch(task, onPoint);
  const trainer = new Trainer({ ...trainerOptions, callbacks: [watch] }, { terminal });
  await trainer.fit({ module, dataModule });
}

function withSweep(config: OptimizerConfig, range: LrRange): OptimizerConfig {
  const rounds = optimizerRounds(config);
  if (rounds.length > 1) {
    const names = rounds.map(({ name }) => name).join(', ');
    throw new UsageError(
      'ERR_TUNE_OPTIMIZERS',
      `tune lr: configureOptimizers() of the module has ${String(rounds.length)} optimizers ` +
        `(${names}), and one loss says nothing about each. Search their rates with npm run hpo.`,
    );
  }
  const [{ optimizer, clip }] = rounds;
  const base = (): number => optimizer.groups[0].lr;
  const scheduler: Scheduler = {
    name: 'sweep',
    interval: 'update',
    // Groups keep their proportions; the first one has the rate that is swept.
    factor: (position) => rateAt(range, position) / base(),
  };
  return { optimizer, scheduler, ...(clip === undefined ? {} : { clip }) };
}

/** Gathers the losses of each update, several with accumulation, and ends a lost training. */
class LossWatch implements Callback {
  readonly id = 'lightbox.tune';
  readonly #curve: LrCurve;
  readonly #range: LrRange;
  readonly #onPoint: (lr: number, loss: number) => void;
  #losses: number[] = [];
  #updates = 0;

  constructor(task: LrSweepTask, onPoint: (lr: number, loss: number) => void) {
    this.#curve = new LrCurve(task.threshold);
    this.#range = task;
    this.#onPoint = onPoint;
  }

  onTrainBatchEnd(context: TrainerContext, loss: number): void {
    this.#losses.push(loss);
    if (context.globalStep === this.#updates) return;
    const mean = this.#losses.reduce((sum, value) => sum + value, 0) / this.#losses.length;
    const lr = rateAt(this.#range, this.#updates);
    this.#losses = [];
    this.#updates = context.globalStep;
    this.#onPoint(lr, mean);
    if (this.#curve.add(lr, mean)) context.requestStop('the loss has run away');
  }
}
