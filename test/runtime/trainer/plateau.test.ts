import { describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { Loader } from '../../../runtime/src/core/loader.ts';
import { SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { ReduceOnPlateau } from '../../../runtime/src/core/schedulers/index.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal } from './tinyRun.ts';

/** Never gets better: the loss is logged as it is counted. */
class Stuck extends TinyModule {
  readonly #monitor: string;
  constructor(monitor: string) {
    super();
    this.#monitor = monitor;
  }
  override validationStep(): void {
    this.log('score', 1);
  }
  override onTrainEpochEnd(): void {
    this.log('score', 1);
  }
  override configureOptimizers(): OptimizerConfig {
    const scheduler = new ReduceOnPlateau({ monitor: this.#monitor, patience: 1, factor: 0.5 });
    return { optimizer: new SGD({ lr: 0.08 }), scheduler };
  }
}

async function rates(
  monitor: string,
  options: TrainerOptions = {},
  valLoader: Loader | undefined = tinyLoader({ samples: 4 }),
) {
  const terminal = recordingTerminal();
  const seen: number[] = [];
  const watch: Callback = {
    onTrainBatchEnd: ({ optimizers }) => void seen.push(optimizers[0].lr),
  };
  const trainer = await quietTrainer(
    { maxEpochs: 5, limitTrainBatches: 2, callbacks: [watch], ...options },
    { terminal },
  );
  const module = new Stuck(monitor);
  await trainer.fit({ module, trainLoader: tinyLoader(), valLoader });
  return { seen: seen.map((rate) => Number(rate.toFixed(6))), lines: terminal.lines };
}

describe('ReduceOnPlateau in a training', () => {
  it('follows a metric after each validation', async () => {
    // The first value is the best, the second and third are bad: a rate for two more, and so on.
    const { seen } = await rates('val/score', { valCheckInterval: '1 updates' });
    expect(seen).toEqual([0.08, 0.08, 0.08, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01, 0.005]);
  });

  it('follows a training metric at the ends of epochs', async () => {
    const { seen } = await rates('train/score');
    expect(seen).toEqual([0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.04]);
    expect((await rates('train/score', { limitValBatches: 0 })).seen).toEqual(seen);
  });

  it('names a metric that is not there', async () => {
    await expect(rates('val/scor', { numSanityValSteps: 0 })).rejects.toThrow(
      /metric "val\/scor" was not logged .*Did you mean "val\/score"/,
    );
    await expect(rates('train/los')).rejects.toThrow(/metric "train\/los" was not logged/);
  });

  it('says that it waits in vain where nothing is validated', async () => {
    const { seen, lines } = await rates('val/score', { limitValBatches: 0 });
    expect(new Set(seen)).toEqual(new Set([0.08]));
    expect(lines).toContain(
      'Note: The learning-rate schedule waits for "val/score" in vain, for this run has no ' +
        'validation: no data for it, or limit_val_batches is 0.',
    );
  });
});
