import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from '@jest/globals';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../runtime/src/testing/index.ts';
import { Trainer } from '../../../runtime/src/trainer/trainer.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, weightBits } from './tinyRun.ts';

const data = () => ({ trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 4 }) });

describe('flags of other trainers', () => {
  it.each([
    ['benchmark', /compile: max-autotune times graphs/],
    ['inferenceMode', /never records gradients/],
    ['reloadDataloadersEveryNEpochs', /order is a function of the epoch/],
    ['useDistributedSampler', /not distributed/],
    ['numNodes', /not distributed/],
    ['plugins', /callbacks and loggers/],
    ['modelRegistry', /files in the folder/],
    ['enableAutologHparams', /always logged/],
    ['suggestIntegrations', /nothing is advertised/],
  ])('%s is refused with what to do instead', (name, reason) => {
    expect(() => new Trainer({ [name]: true })).toThrow(reason);
  });

  it.each(['advanced', 'pytorch', 'xla', 'simpel'])('profiler %s is refused', (profiler) => {
    expect(() => new Trainer({ profiler })).toThrow(/profiler ".*" is not available: /);
  });
});

describe('barebones', () => {
  it('trains to the same weights with nothing around', async () => {
    const trained = async (options: TrainerOptions) => {
      const module = new TinyModule();
      const terminal = recordingTerminal();
      const trainer = await quietTrainer(
        {
          maxEpochs: 1,
          enableCheckpointing: true,
          enableProgressBar: true,
          enableModelSummary: true,
          logger: true,
          ...options,
        },
        { terminal },
      );
      const { runDir } = await trainer.fit({ module, ...data() });
      return { bits: weightBits(module), runDir, lines: terminal.lines.length };
    };
    const all = await trained({});
    const bare = await trained({ barebones: true });
    expect(bare.bits).toEqual(all.bits);
    const files = ['checkpoints', 'metrics.csv', 'metrics.jsonl'];
    expect(files.map((file) => existsSync(join(all.runDir, file)))).toEqual([true, true, true]);
    expect(files.map((file) => existsSync(join(bare.runDir, file)))).toEqual([false, false, true]);
    expect(bare.lines).toBeLessThan(all.lines);
  });
});

describe('detect_anomaly', () => {
  async function trained(loss: (x: tf.Tensor, y: tf.Tensor) => tf.Scalar, accelerator = 'cpu') {
    class Wrong extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        const { y } = batch as TinyBatch;
        return loss(this.forward(batch), y);
      }
    }
    const trainer = await quietTrainer({ maxSteps: 2, detectAnomaly: true, accelerator });
    return trainer.fit({ module: new Wrong(), ...data() });
  }

  it.each(['cpu', 'ort'])(
    'names the first bad operation of the loss, on %s',
    async (accelerator) => {
      const fit = trained((x) => tf.mean(tf.log(tf.neg(tf.square(x)))), accelerator);
      await expect(fit).rejects.toThrow(
        /Log\(x \[4, 1\]\) made NaN from finite numbers, in the loss\. It was called at .*flags\.test/,
      );
    },
  );

  it('names the one of the gradient when the loss is fine', async () => {
    // The root of zero is fine, its slope is not.
    const fit = trained((x) => tf.mean(tf.sqrt(tf.mul(x, 0))));
    await expect(fit).rejects.toThrow(/made (NaN|Infinity) from finite numbers, in the gradient/);
  });

  it('lets finite steps alone', async () => {
    const result = await trained((x, y) => tf.mean(tf.square(tf.sub(x, y))));
    expect(result.counters.updates.completed).toBe(2);
  });
});
