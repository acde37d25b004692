import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../../runtime/src/core/callback.ts';
import {
  AUROC,
  MeanAbsoluteError,
  MeanSquaredError,
  R2Score,
} from '../../../../runtime/src/core/metrics/index.ts';
import type { TrainerContext } from '../../../../runtime/src/core/trainerContext.ts';
import * as tf from '../../../../runtime/src/engine/tf.ts';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, temporaryFolder, weightBits } from '../../trainer/tinyRun.ts';

class Measured extends TinyModule {
  readonly r2 = new R2Score();
  readonly rest = { mae: new MeanAbsoluteError(), above: [new AUROC({ task: 'binary' })] };

  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as TinyBatch;
    const output = this.forward(x);
    this.log('r2', this.r2.update(output, y), { onStep: true, onEpoch: true });
    this.log('above', this.rest.above[0].update(output, tf.cast(tf.greater(y, 0), 'int32')));
    return super.trainingStep(batch);
  }

  override validationStep(batch: unknown): void {
    const { x, y } = batch as TinyBatch;
    const output = this.forward(x);
    this.log('mae', this.rest.mae.update(output, y));
    this.log('r2', this.r2.update(output, y));
    this.log('batchMae', tf.mean(tf.abs(tf.sub(output, y))));
  }
}

class SaveAt implements Callback {
  readonly saving = true;
  path = '';
  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.counters.batches.completed !== 8) return;
    this.path = await context.saveCheckpoint(join(await temporaryFolder(), 'middle'));
  }
}

async function train(options: TrainerOptions, ckptPath: string | null = null) {
  const module = new Measured({ dropout: 0.2 });
  const trainer = await quietTrainer({ maxEpochs: 2, logEveryNSteps: 1, threads: 1, ...options });
  const result = await trainer.fit({
    module,
    trainLoader: tinyLoader({ samples: 22 }),
    valLoader: {
      day: tinyLoader({ samples: 6, shuffle: false, seed: 5 }),
      night: tinyLoader({ samples: 3, shuffle: false, seed: 6 }),
    },
    ckptPath,
  });
  const text = await readFile(join(result.runDir, 'metrics.jsonl'), 'utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as { values: object }), time: 0 }));
  return { metrics: result.metrics, rows, bits: weightBits(module), engine: result.engine };
}

describe('metric objects in training', () => {
  it('have sums of their own for each stage and loader', async () => {
    const { metrics } = await train({});
    expect(metrics['val/mae']).toBeCloseTo(metrics['val/batchMae'], 5);
    expect(metrics['val/night/mae']).toBeCloseTo(metrics['val/night/batchMae'], 5);
    expect(metrics['val/day/mae']).not.toBe(metrics['val/night/mae']);
    expect(metrics['train/r2_epoch']).not.toBe(metrics['val/r2']);
    expect(metrics['train/above']).toBeGreaterThan(0.5);
  });

  it.each(['cpu', 'ort'])(
    'go on exactly from the middle of an epoch on %s',
    async (accelerator) => {
      const save = new SaveAt();
      const whole = await train({ accelerator, callbacks: [save] });
      const resumed = await train({ accelerator }, save.path);
      expect(resumed.bits).toEqual(whole.bits);
      expect(resumed.metrics).toEqual(whole.metrics);
      expect(resumed.rows).toEqual(whole.rows.slice(-resumed.rows.length));
      expect(resumed.rows.length).toBeGreaterThan(3);
    },
  );

  it('refuses the sums of a metric that is another one now', async () => {
    const save = new SaveAt();
    await train({ callbacks: [save] });
    class Other extends Measured {
      override readonly r2 = new MeanSquaredError() as unknown as R2Score;
    }
    const trainer = await quietTrainer({ maxEpochs: 2 });
    const resume = trainer.fit({
      module: new Other(),
      trainLoader: tinyLoader({ samples: 22 }),
      ckptPath: save.path,
    });
    await expect(resume).rejects.toThrow(expect.objectContaining({ code: 'ERR_METRIC_STATE' }));
  });

  it('are the same to the bit when steps are replayed', async () => {
    const options = { accelerator: 'ort', maxEpochs: 8, numSanityValSteps: 0 } as const;
    const recorded = await train(options);
    const replayed = await train({ ...options, compile: 'reduce-overhead' });
    expect(replayed.engine.replays).toBeGreaterThan(10);
    expect(replayed.rows).toEqual(recorded.rows);
    expect(replayed.bits).toEqual(recorded.bits);
  });
});
