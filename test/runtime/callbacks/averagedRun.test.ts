import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from '@jest/globals';
import { EMA } from '../../../runtime/src/callbacks/ema.ts';
import { ModelCheckpoint } from '../../../runtime/src/callbacks/modelCheckpoint.ts';
import { StochasticWeightAveraging } from '../../../runtime/src/callbacks/stochasticWeightAveraging.ts';
import { resolveCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import * as layers from '../../../runtime/src/engine/tf.ts';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { TinyGan } from '../trainer/tinyGan.ts';
import {
  quietTrainer,
  recordingTerminal,
  temporaryFolder,
  weightBits,
} from '../trainer/tinyRun.ts';

const averaging = () => new StochasticWeightAveraging({ swaLrs: 0.02, swaEpochStart: 2 });

async function train(
  options: TrainerOptions,
  { module = new TinyModule(), ckptPath = null as string | null } = {},
) {
  const terminal = recordingTerminal();
  const trainer = await quietTrainer({ maxEpochs: 4, ...options }, { terminal });
  const result = await trainer.fit({ module, trainLoader: tinyLoader(), ckptPath });
  return { result, trainer, module, lines: terminal.lines };
}

describe('the averages of a run', () => {
  it('are a checkpoint of their own, which a test uses', async () => {
    const { result, module, trainer, lines } = await train({
      callbacks: [averaging(), new EMA({ decay: 0.5 }), new ModelCheckpoint()],
    });
    const path = join(result.runDir, 'checkpoints', 'swa.safetensors');
    expect(lines).toContain(
      `Saved ${path}: the averaged weights. Use them with --ckpt_path ${path}`,
    );
    const other = new TinyModule({ seed: 9 });
    const averages = await trainer.test({
      module: other,
      loader: tinyLoader({ seed: 4 }),
      ckptPath: path,
    });
    expect(weightBits(other)).toEqual(weightBits(module));
    const plain = await trainer.test({
      module: other,
      loader: tinyLoader({ seed: 4 }),
      ckptPath: 'last',
    });
    expect(plain.metrics).not.toEqual(averages.metrics);
  });

  it('are not what the run goes on from', async () => {
    const callbacks = () => [averaging(), new ModelCheckpoint({ saveTopK: 0 })];
    const { result } = await train({ callbacks: callbacks() });
    const last = join(result.runDir, 'checkpoints', 'last.safetensors');
    expect(result.lastCheckpoint).toBe(last);
    expect(await resolveCheckpoint('last', result.runDir)).toBe(last);
    const longer = { maxEpochs: 6, callbacks: callbacks() };
    const whole = await train(longer);
    const resumed = await train({ ...longer, callbacks: callbacks() }, { ckptPath: last });
    expect(weightBits(resumed.module)).toEqual(weightBits(whole.module));
  });

  it('leave no file where the run keeps none', async () => {
    const folder = await temporaryFolder();
    const { lines } = await train({ callbacks: [averaging()], defaultRootDir: folder });
    expect(lines.filter((line) => line.startsWith('SWA: '))).toEqual([
      'SWA: weights averaged over 2 epochs.',
    ]);
    const files = await readdir(folder, { recursive: true });
    expect(files.filter((file) => file.endsWith('.safetensors'))).toEqual([]);
  });
});

/** Normalises its inputs, twice a step: the statistics are means over both. */
class Twice extends TinyModule {
  readonly norm = layers.layers.batchNormalization({ inputShape: [3], momentum: 0.9 });
  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as TinyBatch;
    const training = this.training;
    const one = this.norm.apply(x, { training }) as tf.Tensor2D;
    const two = this.norm.apply(tf.add(x, 4), { training }) as tf.Tensor2D;
    return tf.mean(tf.square(tf.sub(this.forward(tf.add<tf.Tensor2D>(one, two)), y)));
  }
  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new SGD({ lr: 0.01 }) };
  }
}

describe('statistics of batch normalisation', () => {
  it('are means over all calls of a layer', async () => {
    const module = new Twice();
    await train({ callbacks: [averaging()] }, { module });
    const sums = [0, 0, 0];
    let batches = 0;
    for await (const { data, size } of tinyLoader().iterate(0)) {
      const { x } = data as unknown as { x: { data: Float32Array } };
      x.data.forEach((value, at) => (sums[at % 3] += value / size));
      batches++;
    }
    const moving = module.norm.getWeights()[2].dataSync();
    sums.forEach((sum, at) => expect(moving[at]).toBeCloseTo(sum / batches + 2, 4));
    expect(module.norm.getConfig()).toMatchObject({ momentum: 0.9 });
  });

  it('stay as they are where the module optimizes itself', async () => {
    class Manual extends Twice {
      override readonly automaticOptimization = false;
      override trainingStep(batch: unknown): tf.Scalar {
        const [optimizer] = this.optimizers();
        const loss = optimizer.backward(() => super.trainingStep(batch));
        optimizer.step();
        return loss;
      }
    }
    const { lines } = await train({ callbacks: [averaging()] }, { module: new Manual() });
    expect(lines).toContain(
      'SWA: weights averaged over 2 epochs; statistics of 1 batch normalisations stay those of ' +
        'training, for Manual optimizes manually.',
    );
  });

  it('are computed by the steps of every optimizer', async () => {
    const rounds: string[] = [];
    class Normalized extends TinyGan {
      readonly norm = layers.layers.batchNormalization({ inputShape: [3] });
      override trainingStep(batch: unknown, index: number, round: string): tf.Scalar {
        rounds.push(round);
        this.norm.apply((batch as TinyBatch).x, { training: this.training });
        return super.trainingStep(batch, index, round);
      }
    }
    const module = new Normalized();
    module.norm.build([null, 3]);
    const ended: Callback = { onTrainEnd: () => void (rounds.length = 0) };
    const trainer = await quietTrainer({ maxEpochs: 3, callbacks: [averaging(), ended] });
    await trainer.fit({ module, trainLoader: tinyLoader({ samples: 8 }) });
    expect(rounds).toEqual(['critic', 'generator', 'critic', 'generator']);
  });
});
