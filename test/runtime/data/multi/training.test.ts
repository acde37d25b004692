import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { Episodes } from '../../../../runtime/src/data/multi/episodes.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import * as tf from '../../../../runtime/src/engine/tf.ts';
import { TinyModule, type TinyBatch } from '../../../../runtime/src/testing/index.ts';
import { quietTrainer, recordingTerminal } from '../../trainer/tinyRun.ts';

function table(size: number, slope: number): TensorDataset {
  const x = Float32Array.from({ length: size * 3 }, (_, i) => ((i * 37) % 19) / 19);
  return new TensorDataset({
    x: { data: x, shape: [size, 3], dtype: 'float32' },
    y: {
      data: Float32Array.from({ length: size }, (_, i) => slope * x[3 * i]),
      shape: [size, 1],
      dtype: 'float32',
    },
  });
}

/** The logged values of a run, row by row. */
async function rows(runDir: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(runDir, 'metrics.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { values: Record<string, unknown> }).values);
}

describe('training on a mixture', () => {
  it('prints the plan and measures each validation dataset by its name', async () => {
    const terminal = recordingTerminal();
    const trainer = await quietTrainer({ maxEpochs: 3 }, { terminal });
    const masks = new Set<string>();
    class Watching extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        for (const key of Object.keys(batch as object)) masks.add(key);
        return super.trainingStep(batch);
      }
    }
    const result = await trainer.fit({
      module: new Watching(),
      dataModule: new MultiDatasetModule({
        datasets: { near: table(90, 1), far: table(40, -1) },
        valDatasets: { near: table(20, 1), far: table(10, -5) },
        datasetWeights: [
          { weights: { near: 1, far: 0 } },
          { fromEpoch: 1, weights: { near: 1, far: 1 } },
        ],
        modalityDropout: { x: 0.3, y: 0 },
        batchSize: 10,
      }),
    });
    expect(masks).toEqual(new Set(['x', 'y', 'x_mask', 'y_mask', 'source']));
    const metrics = (await rows(result.runDir)).filter((row) => 'val/near/loss' in row);
    expect(metrics).toHaveLength(3);
    for (const row of metrics) {
      const [near, far] = [Number(row['val/near/loss']), Number(row['val/far/loss'])];
      expect(far).toBeGreaterThan(near);
      // Over all samples: 20 of one and 10 of the other.
      expect(Number(row['val/loss'])).toBeCloseTo((2 * near + far) / 3, 5);
    }
    expect(terminal.lines.join('\n')).toContain(
      [
        '2 datasets, 90 samples an epoch (first_exhausted, seed 42)',
        ' from the start:',
        '  near          90 samples, 100.00 %:          90 an epoch = 1.00 passes',
        '  far           40 samples,   0.00 %:           0 an epoch = 0.00 passes',
        ' from epoch 1 (sample 90):',
        '  near          90 samples,  50.00 %:          45 an epoch = 0.50 passes',
        '  far           40 samples,  50.00 %:          45 an epoch = 1.13 passes',
      ].join('\n'),
    );
  });

  it('trains on windows with their targets', async () => {
    const trainer = await quietTrainer({ maxEpochs: 2 });
    class Forecast extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        const { x, y_target } = batch as Record<string, tf.Tensor>;
        expect([x.shape, y_target.shape]).toEqual([
          [4, 2, 3],
          [4, 1, 1],
        ]);
        const context: TinyBatch = {
          x: tf.reshape<tf.Rank.R2>(x, [4, 6]),
          y: tf.reshape<tf.Rank.R2>(y_target, [4, 1]),
        };
        return super.trainingStep(context);
      }
    }
    const walk = new Episodes({ dataset: table(48, 2), lengths: 6 });
    const { counters } = await trainer.fit({
      module: new Forecast({ inputs: 6 }),
      dataModule: new MultiDatasetModule({
        datasets: { walk },
        contextLength: 2,
        arSteps: 1,
        batchSize: 4,
      }),
    });
    expect(counters.samples).toBe(2 * 8 * 4);
  });
});
