import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { Loader } from '../../../runtime/src/core/loader.ts';
import type { Logger, MediaItem, MetricsRow } from '../../../runtime/src/core/logger.ts';
import { SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { expectNoTensorLeak, tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, weightBits } from './tinyRun.ts';

/** Plain descent: updates are proportional to gradients, so that these can be compared. */
class Descent extends TinyModule {
  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new SGD({ lr: 0.1 }) };
  }
}

function memoryLogger(): Logger & { readonly rows: MetricsRow[] } {
  const rows: MetricsRow[] = [];
  return {
    name: 'memory',
    rows,
    start: () => undefined,
    logMetrics: (row) => void rows.push(row),
    logHyperparameters: () => undefined,
    flush: () => Promise.resolve(),
    finish: () => Promise.resolve(),
  };
}

async function weightsAfter(options: TrainerOptions, trainLoader: Loader): Promise<number[]> {
  const module = new Descent();
  const trainer = await quietTrainer(options);
  await trainer.fit({ module, trainLoader });
  return module.parameters().flatMap(({ variable }) => [...variable.dataSync()]);
}

function expectClose(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, index) => expect(value).toBeCloseTo(expected[index], 5));
}

describe('gradient accumulation', () => {
  const loader = (batchSize: number) => tinyLoader({ samples: 12, batchSize, shuffle: false });

  it('is one large batch', async () => {
    const small = await weightsAfter({ maxSteps: 2, accumulateGradBatches: 3 }, loader(2));
    expectClose(small, await weightsAfter({ maxSteps: 2 }, loader(6)));
  });

  it('weights batches of different sizes by their samples', async () => {
    // 7 samples in batches of 3, 3 and 1 are one update, like a batch of 7.
    const uneven = tinyLoader({ samples: 7, batchSize: 3, shuffle: false });
    const whole = tinyLoader({ samples: 7, batchSize: 7, shuffle: false });
    const actual = await weightsAfter({ maxEpochs: 2, accumulateGradBatches: 3 }, uneven);
    expectClose(actual, await weightsAfter({ maxEpochs: 2 }, whole));
  });

  it('makes the short group at the end of an epoch an update of its own', async () => {
    const trainer = await quietTrainer({ maxEpochs: 2, accumulateGradBatches: 4 });
    const { counters } = await trainer.fit({ module: new Descent(), trainLoader: loader(2) });
    expect(counters.batches.completed).toBe(12);
    expect(counters.updates.completed).toBe(4);
  });

  it('logs the loss of a batch as it is', async () => {
    const logger = memoryLogger();
    const seen: number[] = [];
    const watch: Callback = { onTrainBatchEnd: (_context, loss) => void seen.push(loss) };
    const options = { maxSteps: 1, accumulateGradBatches: 3, logEveryNSteps: 1 };
    const trainer = await quietTrainer({ ...options, logger, callbacks: [watch] });
    await trainer.fit({ module: new Descent(), trainLoader: loader(2) });
    expect(logger.rows[0].values['train/loss_step']).toBeCloseTo(seen[2], 6);
  });
});

describe('gradient clipping', () => {
  async function firstUpdate(options: TrainerOptions) {
    const before = new Descent();
    const module = new Descent();
    let norm = 0;
    const watch: Callback = {
      onTrainBatchEnd: ({ gradientNorm }: TrainerContext) => void (norm = gradientNorm ?? -1),
    };
    const trainer = await quietTrainer({ maxSteps: 1, callbacks: [watch], ...options });
    await trainer.fit({ module, trainLoader: tinyLoader({ shuffle: false }) });
    const start = before.parameters();
    // Plain descent with rate 0.1: the gradient is the change over -0.1.
    const gradients = module.parameters().flatMap(({ variable }, index) => {
      const old = start[index].variable.dataSync();
      return [...variable.dataSync()].map((value, at) => (old[at] - value) / 0.1);
    });
    return { norm, gradients, applied: Math.hypot(...gradients) };
  }

  it('limits the norm and reports the one before', async () => {
    const free = await firstUpdate({});
    const clipped = await firstUpdate({ gradientClipVal: 0.5 });
    expect(free.norm).toBeCloseTo(free.applied, 3);
    expect(free.norm).toBeGreaterThan(1);
    expect(clipped.norm).toBeCloseTo(free.norm, 5);
    expect(clipped.applied).toBeCloseTo(0.5, 4);
  });

  it('limits each value', async () => {
    const options = { gradientClipVal: 0.1, gradientClipAlgorithm: 'value' } as const;
    const { gradients, norm } = await firstUpdate(options);
    expect(Math.max(...gradients.map(Math.abs))).toBeCloseTo(0.1, 4);
    expect(norm).toBeGreaterThan(1);
  });
});

describe('limits', () => {
  const data = { trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 12 }) };

  it.each<
    [TrainerOptions, { batches: number; updates: number; epochs: number; validations: number }]
  >([
    [{ maxEpochs: 2 }, { batches: 10, updates: 10, epochs: 2, validations: 2 }],
    [{ maxSteps: 7 }, { batches: 7, updates: 7, epochs: 1, validations: 2 }],
    [
      { maxEpochs: 2, limitTrainBatches: 3 },
      { batches: 6, updates: 6, epochs: 2, validations: 2 },
    ],
    [
      { maxEpochs: 2, limitTrainBatches: '40%' },
      { batches: 4, updates: 4, epochs: 2, validations: 2 },
    ],
    [
      { maxEpochs: 2, limitValBatches: 0 },
      { batches: 10, updates: 10, epochs: 2, validations: 0 },
    ],
    [
      { maxEpochs: 4, checkValEveryNEpoch: 2 },
      { batches: 20, updates: 20, epochs: 4, validations: 2 },
    ],
    [
      { maxEpochs: 1, validateAtStart: true },
      { batches: 5, updates: 5, epochs: 1, validations: 2 },
    ],
    [
      { fastDevRun: true, maxEpochs: 9 },
      { batches: 1, updates: 1, epochs: 1, validations: 1 },
    ],
    [
      { fastDevRun: 3, accumulateGradBatches: 2 },
      { batches: 3, updates: 2, epochs: 1, validations: 1 },
    ],
  ])('%j', async (options, expected) => {
    const trainer = await quietTrainer(options);
    const { counters, status } = await trainer.fit({ module: new TinyModule(), ...data });
    expect(status).toBe('finished');
    expect({
      batches: counters.batches.completed,
      updates: counters.updates.completed,
      epochs: counters.epochs.completed,
      validations: counters.validations.completed,
    }).toEqual(expected);
  });

  it('stops when the time is over, and validates there', async () => {
    let now = 0;
    const tick: Callback = { onTrainBatchEnd: () => void (now += 1000) };
    const options = { maxEpochs: 9, maxTime: '3 s', callbacks: [tick] };
    const trainer = await quietTrainer(options, { clock: { now: () => now } });
    const { counters, reason } = await trainer.fit({ module: new TinyModule(), ...data });
    expect(reason).toBe('max_time 3 s reached');
    expect(counters.updates.completed).toBe(3);
    expect(counters.validations.completed).toBe(1);
  });

  it('lets a request to stop wait for the minimum', async () => {
    const stop: Callback = { onTrainBatchEnd: (context) => context.requestStop('enough') };
    const stopped = async (options: TrainerOptions) => {
      const trainer = await quietTrainer({ maxEpochs: 9, callbacks: [stop], ...options });
      return trainer.fit({ module: new TinyModule(), ...data });
    };
    const atOnce = await stopped({});
    expect([atOnce.status, atOnce.reason]).toEqual(['stopped', 'enough']);
    expect(atOnce.counters.updates.completed).toBe(1);
    expect((await stopped({ minSteps: 4 })).counters.updates.completed).toBe(4);
    expect((await stopped({ minEpochs: 2 })).counters.updates.completed).toBe(10);
  });

  it('trains to the end of a loader that does not know its length', async () => {
    const module = new TinyModule();
    const trainer = await quietTrainer({ maxSteps: 5, accumulateGradBatches: 2 });
    const trainLoader = tinyLoader({ unknownLength: true, samples: 10_000 });
    const { counters } = await trainer.fit({ module, trainLoader });
    expect(counters.updates.completed).toBe(5);
    expect(counters.batches.completed).toBe(10);
  });

  it('says that a loader ended too early', async () => {
    const trainer = await quietTrainer({ maxEpochs: 1 });
    const trainLoader = { ...tinyLoader(), batchesPerEpoch: 9 };
    await expect(trainer.fit({ module: new TinyModule(), trainLoader })).rejects.toThrow(
      /said 9 batches an epoch, but ended after 5/,
    );
  });

  it('overfits on the same batches in every epoch', async () => {
    const seen: string[] = [];
    const watch: Callback = {
      onTrainBatchStart: (_context, batch) =>
        void seen.push((batch as { y: tf.Tensor }).y.dataSync().join()),
    };
    const trainer = await quietTrainer({ maxEpochs: 3, overfitBatches: 2, callbacks: [watch] });
    const { counters } = await trainer.fit({ module: new TinyModule(), ...data });
    expect(counters.batches.completed).toBe(6);
    expect(new Set(seen).size).toBe(2);
  });
});

describe('metrics', () => {
  it('are means weighted by samples, and sanity values are nowhere', async () => {
    class Counting extends TinyModule {
      #index = 0;
      override onValidationEpochStart = (): void => {
        this.#index = 0;
      };
      override validationStep(batch: unknown): void {
        this.log('index', this.#index++);
        this.log('size', (batch as { x: tf.Tensor }).x.shape[0]);
      }
    }
    const logger = memoryLogger();
    const trainer = await quietTrainer({ maxEpochs: 1, logger, numSanityValSteps: 1 });
    const { metrics } = await trainer.fit({
      module: new Counting(),
      trainLoader: tinyLoader(),
      // Batches of 4, 4 and 1 samples.
      valLoader: tinyLoader({ samples: 9, shuffle: false }),
    });
    expect(metrics['val/index']).toBeCloseTo((0 * 4 + 1 * 4 + 2 * 1) / 9, 6);
    expect(metrics['val/size']).toBeCloseTo((16 + 16 + 1) / 9, 6);
    expect(logger.rows.map(({ stage, step }) => [stage, step])).toEqual([
      ['train', 5],
      ['validate', 5],
      ['train', 5],
    ]);
    expect(Object.keys(metrics).filter((key) => key.includes('sanity'))).toEqual([]);
  });

  it('and pictures of hooks in the sanity check reach no logger and no file', async () => {
    const paths: (string | null)[] = [];
    class Talkative extends TinyModule {
      override onValidationEnd = async (): Promise<void> => {
        const { trainer } = this;
        trainer.logValues({ [`seen/${trainer.stage}`]: 1 });
        paths.push(await trainer.saveMedia(`media/${trainer.stage}`, 'png', new Uint8Array(1)));
      };
    }
    const watch: Callback = {
      runsInSanity: true,
      onSanityCheckStart: (context) => {
        context.logValues({ begun: 1 });
      },
      onSanityCheckEnd: (context) => {
        context.logValues({ done: 1 });
      },
    };
    const media: string[] = [];
    const logger = { ...memoryLogger(), logMedia: ({ key }: MediaItem) => void media.push(key) };
    const trainer = await quietTrainer({ maxEpochs: 1, logger, callbacks: [watch] });
    const { metrics, runDir } = await trainer.fit({
      module: new Talkative(),
      trainLoader: tinyLoader(),
      valLoader: tinyLoader({ samples: 4 }),
    });
    const names = new Set(logger.rows.flatMap(({ values }) => Object.keys(values)));
    expect([...names].filter((name) => !/^(train|val)\//.test(name))).toEqual(['seen/validate']);
    expect(Object.keys(metrics)).not.toContain('begun');
    expect(media).toEqual(['media/validate']);
    expect(paths).toEqual([null, expect.stringContaining('media/validate')]);
    expect(await readdir(join(runDir, 'media'))).toEqual(['validate']);
  });

  it('name several validation loaders', async () => {
    const trainer = await quietTrainer({ maxEpochs: 1 });
    const valLoader = {
      day: tinyLoader({ samples: 4 }),
      night: tinyLoader({ samples: 8, seed: 2 }),
    };
    const result = await trainer.fit({
      module: new TinyModule(),
      trainLoader: tinyLoader(),
      valLoader,
    });
    const { 'val/day/loss': day, 'val/night/loss': night, 'val/loss': both } = result.metrics;
    expect(both).toBeCloseTo((day * 4 + night * 8) / 12, 6);
  });

  it('log step 0 when validation comes first', async () => {
    const logger = memoryLogger();
    const trainer = await quietTrainer({ maxSteps: 1, validateAtStart: true, logger });
    await trainer.fit({
      module: new TinyModule(),
      trainLoader: tinyLoader(),
      valLoader: tinyLoader(),
    });
    expect(logger.rows[0]).toMatchObject({ stage: 'validate', step: 0 });
  });
});

describe('bad losses', () => {
  it('end the run with the step and what to do', async () => {
    class Exploding extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        const loss = super.trainingStep(batch);
        return this.trainer.globalStep === 2 ? tf.mul(loss, Number.NaN) : loss;
      }
    }
    const trainer = await quietTrainer({ maxEpochs: 1 });
    const fit = trainer.fit({ module: new Exploding(), trainLoader: tinyLoader() });
    await expect(fit).rejects.toThrow(
      /loss is NaN at update 3 \(epoch 0, batch 2\)\. No checkpoint was saved yet/,
    );
  });

  it.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /got nothing; return the loss/],
    ['a vector', () => tf.zeros([3]), /shape \[3\]; reduce it/],
    ['a promise', () => Promise.resolve(1), /synchronous, remove async/],
  ])('refuse %s', async (_name, step, message) => {
    class Wrong extends TinyModule {
      override trainingStep(): tf.Scalar {
        return step() as tf.Scalar;
      }
    }
    const trainer = await quietTrainer({ maxEpochs: 1 });
    await expect(trainer.fit({ module: new Wrong(), trainLoader: tinyLoader() })).rejects.toThrow(
      message,
    );
  });
});

describe('a fit', () => {
  it.each(['cpu', 'ort'])('leaves no tensors behind on %s', async (accelerator) => {
    const module = new TinyModule({ dropout: 0.2 });
    const data = {
      trainLoader: tinyLoader({ samples: 18 }),
      valLoader: tinyLoader({ samples: 6 }),
    };
    const options = { accumulateGradBatches: 2, accelerator } as const;
    const warmUp = await quietTrainer({ ...options, maxEpochs: 1 });
    await warmUp.fit({ module, ...data });
    const trainer = await quietTrainer({ ...options, maxEpochs: 3 });
    await expectNoTensorLeak(() => trainer.fit({ module, ...data }));
  });

  it('leaves no tensors behind when a step fails', async () => {
    class Failing extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        const loss = super.trainingStep(batch);
        if (this.trainer.globalStep === 2) throw new Error('mine');
        return loss;
      }
    }
    const module = new Failing();
    const trainer = await quietTrainer({ maxEpochs: 1 });
    await expectNoTensorLeak(async () => {
      await expect(trainer.fit({ module, trainLoader: tinyLoader() })).rejects.toThrow('mine');
    });
  });

  it('gives the same bits for the same seed and others for another', async () => {
    const bits = async (seed: number) => {
      const module = new TinyModule({ dropout: 0.5 });
      const trainer = await quietTrainer({ maxEpochs: 2, seed });
      await trainer.fit({ module, trainLoader: tinyLoader() });
      return weightBits(module);
    };
    expect(await bits(1)).toEqual(await bits(1));
    expect(await bits(1)).not.toEqual(await bits(2));
  });

  it('prints the plan once and the summary of where the time went', async () => {
    const terminal = recordingTerminal();
    const trainer = await quietTrainer({ maxEpochs: 2, profiler: 'simple' }, { terminal });
    await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    expect(terminal.lines.filter((line) => line.startsWith('Plan: 2 epochs'))).toHaveLength(1);
    const end = terminal.lines.indexOf('Training finished: max_epochs 2 reached');
    expect(terminal.lines[end + 1]).toMatch(/^Time: .*compute [\d.]+ %/);
    expect(terminal.lines.slice(end)).toContainEqual(expect.stringMatching(/^hook\s+calls/));
  });
});
