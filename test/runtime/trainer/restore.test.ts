import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ModelCheckpoint } from '../../../runtime/src/callbacks/modelCheckpoint.ts';
import { readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { JsonObject } from '../../../runtime/src/core/json.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { TrainModule } from '../../../runtime/src/core/trainModule.ts';
import { SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import {
  tinyLoader,
  TinyModule,
  type TinyBatch,
  type TinyLoaderOptions,
  type TinyOptions,
} from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder, weightBits } from './tinyRun.ts';

let path = '';
beforeAll(async () => {
  const trainer = await quietTrainer({ maxEpochs: 1, callbacks: [new ModelCheckpoint()] });
  const result = await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
  path = result.lastCheckpoint ?? '';
});

async function resume({
  options = {},
  module = {},
  loader = {},
  ckptPath = path,
}: {
  options?: TrainerOptions;
  module?: TinyOptions;
  loader?: TinyLoaderOptions;
  ckptPath?: string;
}) {
  const trainer = await quietTrainer({ maxEpochs: 2, runName: 'other', ...options });
  return trainer.fit({ module: new TinyModule(module), trainLoader: tinyLoader(loader), ckptPath });
}

describe('a resume', () => {
  it.each<[string, Parameters<typeof resume>[0], RegExp]>([
    ['another seed', { options: { seed: 7 } }, /saved with seed 42, this run has 7/],
    ['another batch size', { loader: { batchSize: 5 } }, /batch_size 4, this run has 5/],
    ['other data', { loader: { samples: 24 } }, /training data is not the one/],
    ['another order', { loader: { seed: 3 } }, /training data is not the one/],
    [
      'other shapes',
      { module: { hidden: 5 } },
      /"weight" has shape \[3, 5\], the checkpoint's has \[3, 4\]/,
    ],
    ['a file that is not there', { ckptPath: '/nowhere/x.safetensors' }, /nowhere/],
    ['no run of that name', { ckptPath: 'last' }, /last/],
  ])('is refused with %s', async (_name, change, message) => {
    await expect(resume(change)).rejects.toThrow(message);
  });

  it('is refused from weights only', async () => {
    const callbacks = [new ModelCheckpoint({ saveWeightsOnly: true })];
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks });
    const { lastCheckpoint } = await trainer.fit({
      module: new TinyModule(),
      trainLoader: tinyLoader(),
    });
    await expect(resume({ ckptPath: lastCheckpoint ?? '' })).rejects.toThrow(/holds weights only/);
  });

  it('of a finished run ends at once, of a longer one goes on', async () => {
    expect((await resume({ options: { maxEpochs: 1 } })).counters.updates.completed).toBe(5);
    expect((await resume({ options: { maxEpochs: 3 } })).counters.updates.completed).toBe(15);
  });

  it('after max_steps inside an epoch goes on inside it', async () => {
    const bits = async (ckptPath: string | null, maxSteps: number) => {
      const module = new TinyModule();
      const callbacks = [new ModelCheckpoint()];
      const trainer = await quietTrainer({ maxSteps, callbacks });
      const result = await trainer.fit({ module, trainLoader: tinyLoader(), ckptPath });
      return { bits: weightBits(module), path: result.lastCheckpoint };
    };
    const half = await bits(null, 3);
    expect((await bits(half.path, 8)).bits).toEqual((await bits(null, 8)).bits);
  });

  it('says which callback states find no owner', async () => {
    const terminal = recordingTerminal();
    const trainer = await quietTrainer({ maxEpochs: 2 }, { terminal });
    await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader(), ckptPath: path });
    expect(terminal.lines).toContainEqual(
      expect.stringMatching(/^Note: .*ModelCheckpoint\(newest/),
    );
  });

  it('keeps metrics of the sanity check out of what is saved in it', async () => {
    const saved: string[] = [];
    const eager: Callback = {
      runsInSanity: true,
      onValidationEnd: async (context) => {
        if (saved.length > 0) return;
        expect(context.metrics.size).toBeGreaterThan(0);
        saved.push(await context.saveCheckpoint(join(await temporaryFolder(), 'sane')));
      },
    };
    const trainer = await quietTrainer({ maxEpochs: 1, numSanityValSteps: 1, callbacks: [eager] });
    const valLoader = tinyLoader({ samples: 4 });
    await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader(), valLoader });
    const { info, state } = await readCheckpoint(saved[0]);
    expect([info.step, info.metrics]).toEqual([0, {}]);
    expect(state.metrics).toMatchObject({ latest: [], epochs: [] });
  });

  it('lets hooks keep data of their own in a checkpoint', async () => {
    const seen: unknown[] = [];
    const keeper: Callback = {
      onSaveCheckpoint: (_context, state) => void (state.mine = { note: 'kept' }),
      onLoadCheckpoint: (_context, state) => void seen.push(state.mine),
    };
    const trainer = await quietTrainer({
      maxEpochs: 1,
      callbacks: [keeper, new ModelCheckpoint()],
    });
    const first = await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    const second = await quietTrainer({ maxEpochs: 2, callbacks: [keeper] });
    await second.fit({
      module: new TinyModule(),
      trainLoader: tinyLoader(),
      ckptPath: first.lastCheckpoint,
    });
    expect(seen).toEqual([{ note: 'kept' }]);
  });

  it.each<[string, (state: JsonObject) => void]>([
    ['metrics', (state) => (state.metrics = { mine: 0.5 })],
    ['loader', (state) => (state.loader = 'mine')],
    ['counters', (state) => ((state.counters as JsonObject).batchesInEpoch = 3)],
    ['optimizer', (state) => delete state.optimizer],
  ])('refuses a hook that changes %s of a checkpoint', async (key, change) => {
    const meddler: Callback = {
      id: 'Meddler',
      onSaveCheckpoint: (_context, state) => {
        change(state);
      },
    };
    const callbacks = [meddler, new ModelCheckpoint()];
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks });
    const fitted = trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    await expect(fitted).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT_KEY',
    });
    await expect(fitted).rejects.toThrow(`onSaveCheckpoint of Meddler changed "${key}"`);
  });

  it('gives hooks the same state to read, and what those before them added', async () => {
    const seen: unknown[] = [];
    class Second implements Callback {
      onSaveCheckpoint(_context: TrainerContext, state: JsonObject): void {
        seen.push(state.mine, state.weightsOnly, (state.counters as JsonObject).batchesInEpoch);
        state.theirs = [1];
      }
    }
    const first: Callback = {
      onSaveCheckpoint: async (_context, state) => {
        await Promise.resolve();
        state.mine = { best: Number.NaN };
      },
    };
    const callbacks = [first, new Second(), new ModelCheckpoint()];
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks });
    const { lastCheckpoint } = await trainer.fit({
      module: new TinyModule(),
      trainLoader: tinyLoader(),
    });
    expect(seen.slice(0, 3)).toEqual([{ best: Number.NaN }, false, 5]);
    const { state } = await readCheckpoint(lastCheckpoint ?? '');
    expect(state).toMatchObject({ mine: { best: Number.NaN }, theirs: [1] });
  });

  it('refuses two callbacks whose states could not be told apart', async () => {
    const twins = [new ModelCheckpoint(), new ModelCheckpoint()];
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks: twins });
    await expect(
      trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() }),
    ).rejects.toThrow(/Two callbacks have the id "ModelCheckpoint\(newest, epochs\)"/);
  });
});

describe('evaluation', () => {
  it('uses the best checkpoint of the run before, and writes beside its values', async () => {
    const root = await temporaryFolder();
    const trainer = await quietTrainer({
      maxEpochs: 3,
      defaultRootDir: root,
      callbacks: [new ModelCheckpoint({ monitor: 'val/loss' })],
    });
    const valLoader = tinyLoader({ samples: 8, seed: 4 });
    const fit = await trainer.fit({
      module: new TinyModule(),
      trainLoader: tinyLoader(),
      valLoader,
    });
    const module = new TinyModule({ seed: 9 });
    const test = await trainer.test({ module, loader: valLoader, ckptPath: 'best' });
    expect(test.runDir).toBe(fit.runDir);
    expect(test.metrics['test/loss']).toBeCloseTo(fit.metrics['val/loss'], 6);
    expect(fit.bestCheckpoint).toBe(join(fit.runDir, 'checkpoints/epoch=2-step=15.safetensors'));
  });

  it('streams predictions as plain data and stops when the caller does', async () => {
    let asked = 0;
    const inner = tinyLoader({ shuffle: false });
    const counted = {
      ...inner,
      async *iterate(t: number) {
        for await (const batch of inner.iterate(t)) {
          asked++;
          yield batch;
        }
      },
    };
    const trainer = await quietTrainer({});
    const before = tf.memory().numTensors;
    const module = new TinyModule();
    for await (const { outputs, batchIdx } of trainer.predict({ module, loader: counted })) {
      expect(outputs).toMatchObject({ shape: [4, 1], dtype: 'float32' });
      if (batchIdx === 1) break;
    }
    module.dispose();
    expect(asked).toBe(2);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('says what is missing', async () => {
    const trainer = await quietTrainer({});
    await expect(trainer.test({ module: new TinyModule() })).rejects.toThrow(/testDataloader\(\)/);
    class NoStep extends TrainModule {
      weight = tf.variable(tf.zeros([1]));
      override trainingStep = (): tf.Scalar => tf.scalar(0);
      override configureOptimizers = (): OptimizerConfig => ({ optimizer: new SGD() });
    }
    await expect(trainer.test({ module: new NoStep(), loader: tinyLoader() })).rejects.toThrow(
      /NoStep has no testStep/,
    );
  });
});

describe('modules made of layers', () => {
  class Layered extends TrainModule {
    layers = [tfl.layers.dense({ units: 4, activation: 'relu' }), tfl.layers.dense({ units: 1 })];
    dropout = tfl.layers.dropout({ rate: 0.3 });

    override forward(input: unknown): tf.Tensor {
      const hidden = this.layers[0].apply(input as tf.Tensor);
      const kept = this.dropout.apply(hidden, { training: this.training });
      return this.layers[1].apply(kept) as tf.Tensor;
    }

    override trainingStep(batch: unknown): tf.Scalar {
      const { x, y } = batch as TinyBatch;
      return tf.mean(tf.squaredDifference(this.forward(x), y));
    }

    override configureOptimizers(): OptimizerConfig {
      return { optimizer: new SGD({ lr: 0.01 }) };
    }
  }

  class Described extends Layered {
    override exampleInput(): tf.Tensor {
      return tf.zeros([1, 3]);
    }
  }

  it('are built late from their example input, with the same bits each time', async () => {
    const train = async (seed: number) => {
      const module = new Described();
      const trainer = await quietTrainer({ maxEpochs: 1, seed });
      await trainer.fit({ module, trainLoader: tinyLoader() });
      expect(module.parameters().map(({ name }) => name)).toEqual([
        'layers.0.kernel',
        'layers.0.bias',
        'layers.1.kernel',
        'layers.1.bias',
      ]);
      return weightBits(module);
    };
    expect(await train(1)).toEqual(await train(1));
    expect(await train(1)).not.toEqual(await train(2));
  });

  it('are asked for an example input otherwise', async () => {
    const trainer = await quietTrainer({ maxEpochs: 1 });
    await expect(trainer.fit({ module: new Layered(), trainLoader: tinyLoader() })).rejects.toThrow(
      /has no weights yet/,
    );
  });
});

describe('rounds of optimizers', () => {
  it('train their own parameters, and count one update', async () => {
    const rounds: string[] = [];
    class Two extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        rounds.push(String(this.trainer.globalStep));
        return super.trainingStep(batch);
      }
      override configureOptimizers(): OptimizerConfig {
        return [
          { name: 'body', optimizer: new SGD({ lr: 0.1 }), parameters: ['weight', 'bias'] },
          { name: 'head', optimizer: new SGD({ lr: 0 }), parameters: ['head'] },
        ];
      }
    }
    const module = new Two();
    const head = [...module.head.dataSync()];
    const weight = [...module.weight.dataSync()];
    const trainer = await quietTrainer({ maxSteps: 2 });
    const { counters } = await trainer.fit({ module, trainLoader: tinyLoader() });
    expect(counters.updates.completed).toBe(2);
    expect(rounds).toEqual(['0', '0', '1', '1']);
    expect([...module.head.dataSync()]).toEqual(head);
    expect([...module.weight.dataSync()]).not.toEqual(weight);
  });

  it('may not share parameters', async () => {
    class Shared extends TinyModule {
      override configureOptimizers(): OptimizerConfig {
        return [
          { name: 'a', optimizer: new SGD(), parameters: ['*'] },
          { name: 'b', optimizer: new SGD(), parameters: ['head'] },
        ];
      }
    }
    const trainer = await quietTrainer({ maxSteps: 1 });
    await expect(trainer.fit({ module: new Shared(), trainLoader: tinyLoader() })).rejects.toThrow(
      /round "b": parameter "head" belongs to an earlier round/,
    );
  });
});
