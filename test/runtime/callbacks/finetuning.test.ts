import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BackboneFinetuning } from '../../../runtime/src/callbacks/backboneFinetuning.ts';
import { StochasticWeightAveraging } from '../../../runtime/src/callbacks/stochasticWeightAveraging.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { AdamW, SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../runtime/src/testing/index.ts';
import type { RestorePart } from '../../../runtime/src/trainer/restoreParts.ts';
import type { Run } from '../../../runtime/src/trainer/run.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import {
  quietTrainer,
  recordingTerminal,
  temporaryFolder,
  weightBits,
} from '../trainer/tinyRun.ts';

/** A pretrained part with dropout and a head of its own. */
class Pretrained extends TinyModule {
  readonly backbone = new TinyModule({ seed: 4, dropout: 0.4 });
  #optimizer: () => OptimizerConfig;
  constructor(optimizer = () => new AdamW({ lr: 0.02 }) as AdamW | SGD) {
    super();
    this.#optimizer = () => ({ optimizer: optimizer() });
  }
  override forward(input: unknown): tf.Tensor2D {
    return tf.add(super.forward(input), this.backbone.forward(input));
  }
  override configureOptimizers(): OptimizerConfig {
    return this.#optimizer();
  }
}

/** Saves after a batch and notes the weights and rates of each epoch. */
class Watch implements Callback {
  readonly saving = true;
  readonly backbone: number[][] = [];
  readonly rates: Record<string, number>[] = [];
  path = '';
  readonly #batch: number;
  constructor(batch = -1) {
    this.#batch = batch;
  }
  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.counters.batches.completed !== this.#batch) return;
    this.path = await context.saveCheckpoint(join(await temporaryFolder(), 'middle'));
  }
  onTrainEpochEnd({ module, optimizers }: TrainerContext): void {
    this.backbone.push(weightBits((module as unknown as Pretrained).backbone));
    this.rates.push(Object.fromEntries(optimizers.map(({ group, lr }) => [group, lr])));
  }
}

async function train(
  options: TrainerOptions,
  ckptPath: string | null = null,
  module: TinyModule = new Pretrained(),
  restore: readonly RestorePart[] | null = null,
) {
  const terminal = recordingTerminal();
  const trainer = await quietTrainer({ maxEpochs: 4, threads: 1, ...options }, { terminal });
  const { metrics, engine } = await trainer.fit({
    module,
    trainLoader: tinyLoader({ samples: 18 }),
    valLoader: tinyLoader({ samples: 6, shuffle: false, seed: 5 }),
    ckptPath,
    restore,
  });
  return { bits: weightBits(module), metrics, engine, lines: terminal.lines };
}

const finetuning = () => new BackboneFinetuning({ unfreezeBackboneAtEpoch: 2 });

describe('BackboneFinetuning', () => {
  it('trains the head alone, then the backbone at a rate that grows to the schedule', async () => {
    const watch = new Watch();
    const start = weightBits(new Pretrained().backbone);
    await train({ maxEpochs: 7, callbacks: [finetuning(), watch] });
    expect(watch.backbone.slice(0, 2)).toEqual([start, start]);
    expect(watch.backbone[2]).not.toEqual(start);
    expect(watch.rates.map(({ default: rate }) => rate)).toEqual(Array(7).fill(0.02));
    const grown = watch.rates.slice(2).map(({ backbone }) => Number(backbone.toPrecision(6)));
    expect(grown).toEqual([0.002, 0.004, 0.008, 0.016, 0.02]);
  });

  it.each([
    ['cpu', 7],
    ['cpu', 12],
    ['ort', 12],
  ])('goes on exactly on %s after batch %i', async (accelerator, batch) => {
    const watch = new Watch(batch);
    const options = { accelerator, accumulateGradBatches: 2 };
    const whole = await train({ ...options, callbacks: [finetuning(), watch] });
    const resumed = await train({ ...options, callbacks: [finetuning()] }, watch.path);
    expect(resumed.bits).toEqual(whole.bits);
    expect(resumed.metrics).toEqual(whole.metrics);
  });

  it('stays unfrozen when weights and progress alone are taken', async () => {
    const watch = new Watch(12);
    await train({ callbacks: [finetuning(), watch] });
    const resumed = new Watch();
    const options = { callbacks: [finetuning(), resumed] };
    await train(options, watch.path, new Pretrained(), ['weights', 'progress']);
    expect(resumed.backbone).toHaveLength(2);
    expect(resumed.backbone[0]).not.toEqual(resumed.backbone[1]);
  });

  it('records and replays anew once other parameters are trained', async () => {
    const run = (compile: 'reduce-overhead' | null) =>
      train({ accelerator: 'ort', maxEpochs: 6, compile, callbacks: [finetuning()] });
    const [recorded, replayed] = [await run(null), await run('reduce-overhead')];
    expect(replayed.engine.replays).toBeGreaterThan(8);
    expect(replayed.bits).toEqual(recorded.bits);
  });

  it('gives new parameters an optimizer state of their own', async () => {
    // The first step of Adam is lr * sign(gradient) only when its bias correction starts anew.
    const steps: number[] = [];
    let before: readonly number[] = [];
    const watch: Callback = {
      onTrainBatchEnd({ module, counters }) {
        const bias = [...(module as unknown as Pretrained).backbone.head.dataSync()];
        if (counters.batches.processed === 11) {
          steps.push(...bias.map((value, index) => Math.abs(value - before[index])));
        }
        before = bias;
      },
    };
    const module = new Pretrained(() => new AdamW({ lr: 0.01, weightDecay: 0 }));
    const callbacks = [
      new BackboneFinetuning({ unfreezeBackboneAtEpoch: 2, backboneInitialLr: 0.01 }),
      watch,
    ];
    await train({ callbacks }, null, module);
    // Dropout may leave a unit out of the whole batch.
    const moved = steps.filter((step) => step > 0);
    expect(moved.length).toBeGreaterThan(1);
    for (const step of moved) expect(step).toBeCloseTo(0.01, 4);
  });
});

describe('freeze and unfreeze', () => {
  it('keep what is frozen as it is and need no optimizer state for it', async () => {
    const module = new Pretrained();
    const start = weightBits(module.backbone);
    const bias = [...module.bias.dataSync()];
    module.freeze('backbone', '*bias');
    await train({}, null, module);
    expect(weightBits(module.backbone)).toEqual(start);
    expect([...module.bias.dataSync()]).toEqual(bias);
    module.unfreeze();
    expect(module.parameters().every(({ trainable }) => trainable)).toBe(true);
  });

  /** Frozen for epochs 1 and 2: as if the optimizer had not been asked in them. */
  const pausing: Callback = {
    onTrainEpochStart({ module, currentEpoch }) {
      if (currentEpoch === 1) module.freeze('backbone');
      if (currentEpoch === 3) module.unfreeze('backbone');
    },
  };

  it('let the optimizer state of what was frozen wait', async () => {
    const states: Record<string, Float32Array>[] = [];
    const keep: Callback = {
      onTrainEpochStart(context) {
        const { optimizer } = (context as unknown as Run).optimizer?.rounds[0] ?? {};
        const tensors = Object.entries(optimizer?.stateTensors() ?? {});
        const ofBackbone = tensors.filter(([name]) => name.includes('backbone'));
        states.push(Object.fromEntries(ofBackbone.map(([name, data]) => [name, data.slice()])));
      },
    };
    const module = new Pretrained(() => new AdamW({ lr: 0.01 }));
    await train({ callbacks: [keep, pausing] }, null, module);
    expect(Object.keys(states[1]).length).toBeGreaterThan(0);
    expect(states[1]).not.toEqual(states[0]);
    expect(states[2]).toEqual(states[1]);
    expect(states[3]).toEqual(states[1]);
  });

  it.each([7, 12, 16])('go on exactly after batch %i with state that waits', async (batch) => {
    const watch = new Watch(batch);
    const module = () => new Pretrained(() => new AdamW({ lr: 0.01 }));
    const whole = await train({ callbacks: [pausing, watch] }, null, module());
    const resumed = await train({ callbacks: [pausing] }, watch.path, module());
    expect(resumed.bits).toEqual(whole.bits);
  });

  it('name a pattern that matches nothing', async () => {
    const module = new Pretrained();
    module.freeze('backbon');
    await expect(train({}, null, module)).rejects.toThrow(/freeze\("backbon"\).*"backbone"/);
  });
});

class Normalized extends TinyModule {
  readonly net = tf.sequential({
    layers: [
      tf.layers.dense({ units: 3, inputShape: [3], kernelInitializer: 'identity' }),
      tf.layers.batchNormalization({ momentum: 0.9 }),
    ],
  });
  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as TinyBatch;
    const inner = this.net.apply(x, { training: this.training }) as tf.Tensor2D;
    return tf.mean(tf.square(tf.sub(this.forward(inner), y)));
  }
  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new SGD({ lr: 0.1 }) };
  }
}

describe('StochasticWeightAveraging', () => {
  const swa = () =>
    new StochasticWeightAveraging({ swaLrs: 0.5, swaEpochStart: '50%', annealingEpochs: 2 });

  it('anneals the rate, averages epochs and computes statistics anew', async () => {
    const averaging = swa();
    const ends: Float32Array[] = [];
    const rates: number[] = [];
    const watch: Callback = {
      onTrainEpochEnd({ module, optimizers, currentEpoch }) {
        rates.push(optimizers[0].lr);
        if (currentEpoch >= 3)
          ends.push(Float32Array.from((module as unknown as TinyModule).head.dataSync()));
      },
    };
    const module = new Normalized();
    const { lines } = await train({ maxEpochs: 6, callbacks: [averaging, watch] }, null, module);
    expect(rates.map((rate) => Number(rate.toFixed(6)))).toEqual([0.1, 0.1, 0.1, 0.1, 0.3, 0.5]);
    expect(averaging.averaged).toBe(3);
    module.head.dataSync().forEach((value, index) => {
      const mean = ends.reduce((sum, weights) => sum + weights[index], 0) / 3;
      expect(value).toBeCloseTo(mean, 5);
    });
    expect(lines).toContainEqual(
      'SWA: weights averaged over 3 epochs, statistics of 1 batch normalisations computed anew.',
    );
    // Identity plus bias in front of it: the mean over batches of the inputs' means, plus the bias.
    const bias = (module.net.layers[0].getWeights()[1] as tf.Tensor1D).dataSync();
    const kernel = (module.net.layers[0].getWeights()[0] as tf.Tensor2D).arraySync();
    const means: number[][] = [];
    for await (const { data, size } of tinyLoader({ samples: 18 }).iterate(0)) {
      const { x } = data as unknown as { x: { data: Float32Array } };
      means.push(
        [0, 1, 2].map((c) => x.data.filter((_, at) => at % 3 === c).reduce((a, b) => a + b) / size),
      );
    }
    const moving = module.net.layers[1].getWeights()[2].dataSync();
    [0, 1, 2].forEach((column) => {
      const inputs = means.map((row) =>
        row.reduce((sum, value, at) => sum + value * kernel[at][column], 0),
      );
      const expected = inputs.reduce((a, b) => a + b) / inputs.length + bias[column];
      expect(moving[column]).toBeCloseTo(expected, 4);
    });
  });

  it('goes on exactly from the middle of the averaging', async () => {
    const watch = new Watch(18);
    const whole = await train({ callbacks: [swa(), watch] });
    const resumed = await train({ callbacks: [swa()] }, watch.path);
    expect(resumed.bits).toEqual(whole.bits);
  });

  it('refuses a start after the end', async () => {
    const late = new StochasticWeightAveraging({ swaLrs: 0.1, swaEpochStart: 9 });
    await expect(train({ callbacks: [late] })).rejects.toThrow(/before max_epochs \(4\), got 9/);
  });
});
