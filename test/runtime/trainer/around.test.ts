import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from '@jest/globals';
import { FlowProgressBarCallback } from '../../../runtime/src/callbacks/flowProgressBar.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { Logger, MetricsRow } from '../../../runtime/src/core/logger.ts';
import { DataLoader } from '../../../runtime/src/data/dataLoader.ts';
import { ArrayDataset } from '../../../runtime/src/data/datasets/derived.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer, recordingTerminal } from './tinyRun.ts';

describe('callbacks that are added by themselves', () => {
  const bars: Record<string, Callback[]> = {
    'no bar of yours': [],
    'the flow bar': [new FlowProgressBarCallback()],
    'a bar that you wrote': [{ showsProgress: true }],
  };

  it.each(Object.keys(bars))('leave the screen to one bar: %s', async (name) => {
    const terminal = recordingTerminal({ isTTY: true });
    const trainer = await quietTrainer(
      { maxEpochs: 1, enableProgressBar: true, callbacks: bars[name] },
      { terminal },
    );
    await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    const shown = terminal.frames.flat().join('\n');
    expect(/^Epoch /m.test(shown)).toBe(name === 'no bar of yours');
    expect(/^Run /m.test(shown)).toBe(name === 'the flow bar');
  });
});

describe('loggers', () => {
  it('get all rows, each of them, beside the record', async () => {
    const make = (name: string): Logger & { readonly rows: MetricsRow[] } => {
      const rows: MetricsRow[] = [];
      const done = (): Promise<void> => Promise.resolve();
      return {
        ...{ name, rows, start: () => undefined, logHyperparameters: () => undefined },
        ...{ logMetrics: (row) => void rows.push(row), flush: done, finish: done },
      };
    };
    const loggers = [make('one'), make('two')];
    const trainer = await quietTrainer({ maxEpochs: 2, logEveryNSteps: 1, logger: loggers });
    const { runDir } = await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    expect(loggers[0].rows.length).toBeGreaterThan(10);
    expect(loggers[1].rows).toEqual(loggers[0].rows);
    const lines = (await readFile(join(runDir, 'metrics.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as MetricsRow)).toEqual(loggers[0].rows);
  });
});

describe('the order of the data', () => {
  const seen = async (seed: number, draws: number): Promise<number[]> => {
    const ids: number[] = [];
    class Drawing extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        const { id } = batch as { id: tf.Tensor1D };
        ids.push(...id.dataSync());
        for (let draw = 0; draw < draws; draw++) tf.randomNormal([7]).dispose();
        return tf.mean<tf.Scalar>(tf.square(tf.sub(this.head, draws)));
      }
    }
    const dataset = new ArrayDataset(Array.from({ length: 12 }, (_, id) => ({ id })));
    const trainer = await quietTrainer({ maxEpochs: 2, seed });
    await trainer.fit({
      module: new Drawing(),
      trainLoader: new DataLoader({ dataset, batchSize: 5, shuffle: true, seed }),
    });
    return ids;
  };

  it('follows from the seed alone, whatever the model draws', async () => {
    const order = await seen(1, 0);
    expect(order.slice(12)).not.toEqual(order.slice(0, 12));
    expect(await seen(1, 3)).toEqual(order);
    expect(await seen(2, 0)).not.toEqual(order);
  });
});

describe('validation beside a loader that does not know its length', () => {
  const fit = async (valCheckInterval: string | null) => {
    const validated: number[] = [];
    const terminal = recordingTerminal();
    const watch: Callback = {
      onValidationStart: ({ globalStep }) => void validated.push(globalStep),
    };
    const options = { maxSteps: 12, valCheckInterval, numSanityValSteps: 0, callbacks: [watch] };
    const trainer = await quietTrainer(options, { terminal });
    const trainLoader = tinyLoader({ unknownLength: true, samples: 18 });
    const valLoader = tinyLoader({ samples: 4 });
    await trainer.fit({ module: new TinyModule(), trainLoader, valLoader });
    return { validated, plan: terminal.lines.find((line) => line.includes('validation')) };
  };

  it('comes at the ends of its epochs', async () => {
    // Five batches each.
    expect((await fit(null)).validated).toEqual([5, 10, 12]);
    expect((await fit('2 epochs')).validated).toEqual([10]);
    expect((await fit('4 updates')).validated).toEqual([4, 8, 12]);
    // Counted through the ends of epochs, of five batches each.
    expect((await fit('3 batches')).validated).toEqual([3, 6, 9, 12]);
    expect((await fit(null)).plan).toContain('validation at the end of epochs');
  });

  it.each(['25%', '0.5 epochs'])('cannot come every %s', async (interval) => {
    await expect(fit(interval)).rejects.toThrow(/does not know how many batches that is/);
  });
});
