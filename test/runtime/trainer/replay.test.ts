import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CompileCallback } from '../../../runtime/src/callbacks/compile.ts';
import { Adam, AdamW, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { Cosine } from '../../../runtime/src/core/schedulers/index.ts';
import type { TrainModule } from '../../../runtime/src/core/trainModule.ts';
import { selectBackend } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { Rng, withKeyedRandom } from '../../../runtime/src/random/index.ts';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, weightBits } from './tinyRun.ts';

beforeAll(() => selectBackend({ accelerator: 'ort', threads: 1 }));

/** Dropout, noise of both kinds, batch norm, a schedule and logged values of every sort. */
class Intricate extends TinyModule {
  readonly net = withKeyedRandom(Rng.fromSeed(7), () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ units: 6, inputShape: [3], activation: 'relu' }),
        tf.layers.batchNormalization({}),
        tf.layers.gaussianNoise({ stddev: 0.1 }),
        tf.layers.dropout({ rate: 0.3 }),
        tf.layers.dense({ units: 1 }),
      ],
    }),
  );
  readonly scale = tf.tensor1d([0.5, 1, 2]);

  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as TinyBatch;
    const jitter = tf.randomUniform(x.shape, -0.05, 0.05);
    const input = tf.mul(tf.add(x, jitter), this.scale);
    const output = tf.add(
      this.net.apply(input, { training: this.training }) as tf.Tensor2D,
      this.forward(batch),
    );
    const loss: tf.Scalar = tf.mean(tf.square(tf.sub(output, y)));
    this.log('loss', loss, { onStep: true, onEpoch: true });
    this.log('half', tf.mul(loss, 0.5), { onEpoch: true });
    this.log('one', 1);
    return loss;
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new AdamW({ lr: 0.01 }), scheduler: new Cosine() };
  }
}

async function train(module: TrainModule, options: TrainerOptions, samples = 80) {
  const terminal = recordingTerminal();
  const trainer = await quietTrainer(
    { accelerator: 'ort', threads: 1, logEveryNSteps: 1, maxSteps: 200, ...options },
    { terminal },
  );
  const loaders = {
    trainLoader: tinyLoader({ samples }),
    valLoader: tinyLoader({ samples: 8, shuffle: false, seed: 5 }),
  };
  const result = await trainer.fit({ module, ...loaders });
  const rows = await readFile(join(result.runDir, 'metrics.jsonl'), 'utf8');
  const metrics = rows
    .trim()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), time: 0 }));
  return { result, metrics, bits: weightBits(module), lines: terminal.lines };
}

describe('replayed steps', () => {
  it.each([
    ['alone', {}, 80],
    ['with accumulation and clipping', { accumulateGradBatches: 2, gradientClipVal: 0.1 }, 400],
    ['with a short last batch', {}, 402],
  ] as const)('equal recorded ones to the bit, %s', async (_, options, samples) => {
    const run = (compile: 'reduce-overhead' | null) =>
      train(new Intricate({ dropout: 0.2 }), { ...options, compile }, samples);
    const recorded = await run(null);
    const replayed = await run('reduce-overhead');
    expect(replayed.bits).toEqual(recorded.bits);
    expect(replayed.metrics).toEqual(recorded.metrics);
    const { replays } = replayed.result.engine;
    expect(recorded.result.engine.replays).toBe(0);
    expect(replays).toBeGreaterThanOrEqual(
      0.95 * replayed.result.counters.batches.completed - (samples === 402 ? 3 : 0),
    );
    expect(replayed.lines.find((line) => line.startsWith('compile:'))).toContain(
      `${String(replays)} steps replayed`,
    );
  });

  it('go on after weights were replaced', async () => {
    const run = async (compile: 'reduce-overhead' | null) => {
      const module = new TinyModule();
      const reset = {
        onTrainBatchEnd: ({ globalStep }: { globalStep: number }) => {
          if (globalStep % 50 === 0) tf.tidy(() => module.bias.assign(tf.ones([4])));
        },
      };
      const { bits, result } = await train(module, { compile, callbacks: [reset] });
      return { bits, replays: result.engine.replays };
    };
    const recorded = await run(null);
    const replayed = await run('reduce-overhead');
    expect(replayed.bits).toEqual(recorded.bits);
    expect(replayed.replays).toBeGreaterThanOrEqual(190);
  });

  it('see what callbacks assign to variables that no module holds', async () => {
    const run = async (compile: 'reduce-overhead' | null) => {
      const outside = tf.variable(tf.scalar(1), false);
      const copies: tf.Tensor[] = [];
      class Weighted extends TinyModule {
        override trainingStep(batch: unknown): tf.Scalar {
          return tf.mul(super.trainingStep(batch), outside);
        }
      }
      const change = {
        onTrainBatchEnd: ({ globalStep }: { globalStep: number }) => {
          // The copy keeps the old value alive.
          copies.push(outside.clone());
          tf.tidy(() => {
            outside.assign(tf.scalar(1 + globalStep / 10));
          });
        },
      };
      const { bits, result } = await train(new Weighted(), {
        compile,
        maxSteps: 40,
        callbacks: [change],
      });
      tf.dispose([outside, ...copies]);
      return { bits, replays: result.engine.replays };
    };
    const recorded = await run(null);
    const replayed = await run('reduce-overhead');
    expect(replayed.bits).toEqual(recorded.bits);
    expect(replayed.replays).toBeGreaterThanOrEqual(30);
  });

  it('share one graph for all shapes when these are dynamic', async () => {
    const run = (dynamic: boolean) =>
      train(new Intricate(), { callbacks: [new CompileCallback({ dynamic })] }, 402);
    const separate = await run(false);
    const common = await run(true);
    expect(common.bits).toEqual(separate.bits);
    expect(common.metrics).toEqual(separate.metrics);
    expect(common.result.engine.replays).toBe(separate.result.engine.replays);
  });

  it('leave no tensors behind', async () => {
    const before = tf.memory().numTensors;
    const module = new TinyModule();
    await train(module, { compile: 'reduce-overhead' });
    module.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  describe('of two optimizers in turn', () => {
    class Duel extends TinyModule {
      override trainingStep(batch: unknown, _index = 0, round = ''): tf.Scalar {
        const { x, y } = batch as TinyBatch;
        const error: tf.Scalar = tf.mean(tf.square(tf.sub(this.forward({ x, y }), y)));
        const loss = round === 'head' ? error : tf.mul(error, 0.5);
        this.log(`${round}_loss`, loss);
        return loss as tf.Scalar;
      }

      override configureOptimizers(): OptimizerConfig {
        return [
          { name: 'head', parameters: ['head'], optimizer: new Adam({ lr: 0.01 }) },
          { name: 'body', parameters: ['weight', 'bias'], optimizer: new Adam({ lr: 0.02 }) },
        ];
      }
    }
    it('equal recorded ones', async () => {
      const recorded = await train(new Duel(), {});
      const replayed = await train(new Duel(), { compile: 'reduce-overhead' });
      expect(replayed.bits).toEqual(recorded.bits);
      expect(replayed.result.engine.replays).toBeGreaterThanOrEqual(380);
    });

    it('are those of the named sub-modules', async () => {
      const compile = new CompileCallback({ targetModules: ['head'] });
      const recorded = await train(new Duel(), {});
      const replayed = await train(new Duel(), { callbacks: [compile] });
      expect(replayed.bits).toEqual(recorded.bits);
      expect(replayed.result.engine.replays).toBeGreaterThanOrEqual(190);
      expect(replayed.result.engine.replays).toBeLessThanOrEqual(200);
    });

    it('need names that exist', async () => {
      const compile = new CompileCallback({ targetModules: ['heads'] });
      await expect(train(new Duel(), { callbacks: [compile] })).rejects.toThrow(
        /target_modules of CompileCallback: expected sub-modules with weights \(.*head.*\), got "heads"\. .*"head"/,
      );
    });
  });
});

describe('steps that cannot be replayed', () => {
  type Loss = (module: TinyModule, loss: tf.Scalar) => tf.Scalar;
  let calls = 0;
  const kept: tf.Tensor[] = [];

  const cases: Record<string, [Loss, RegExp]> = {
    'reads a value': [
      (_, loss) => (loss.dataSync()[0] > 1e9 ? tf.neg(loss) : loss),
      /it reads a tensor \(dataSync, arraySync, print\) at .*replay\.test\.ts:\d+/,
    ],
    'computes a number in JavaScript': [
      (_, loss) => tf.mul(loss, 1 / ++calls),
      /JavaScript computes a tensor of shape \[\] anew in each step at .*replay\.test\.ts:\d+/,
    ],
    'asks where training stands': [
      ({ trainer }, loss) => tf.mul(loss, trainer.currentEpoch > 5 ? 2 : 1),
      /it asks the trainer where training stands/,
    ],
    'calls Math.random': [
      (_, loss) => (Math.random() > 2 ? tf.neg(loss) : loss),
      /it draws random numbers itself/,
    ],
    'keeps a tensor': [
      (_, loss) => {
        kept.push(tf.keep(tf.square(loss)));
        return loss;
      },
      /it keeps a tensor of shape \[\] for later/,
    ],
    'uses another tensor each time': [
      (_, loss) => tf.mul(loss, kept.splice(0, kept.length, tf.keep(tf.scalar(1)))[0] ?? 1),
      /it (reads a tensor of shape \[\] that is another one|operations differ)/,
    ],
    'logs a number that changes': [
      (module, loss) => {
        module.log('calls', ++calls);
        return loss;
      },
      /what it logs as calls .* is a number that JavaScript computes/,
    ],
    'changes its operations': [
      (_, loss) => (++calls % 2 === 0 ? tf.abs(loss) : tf.relu(loss)),
      /its operations differ from one step to the next/,
    ],
    'uses a kernel without graph form': [
      (_, loss) => tf.mul(loss, tf.real(tf.fft(tf.complex([1, 0], [0, 0]))).mean()),
      /kernel \w+ has no ONNX form/,
    ],
  };

  it.each(Object.entries(cases))('%s: is recorded, and says why', async (_, [loss, message]) => {
    class Odd extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        return loss(this, super.trainingStep(batch));
      }
    }
    const run = async (compile: 'reduce-overhead' | null) => {
      calls = 0;
      kept.length = 0;
      return train(new Odd(), { compile, maxSteps: 12 });
    };
    const recorded = await run(null);
    const attempted = await run('reduce-overhead');
    expect(attempted.bits).toEqual(recorded.bits);
    expect(attempted.result.engine.replays).toBe(0);
    expect(attempted.lines.filter((line) => message.test(line))).toHaveLength(1);
  });

  it('tells a used batch index from an unused one', async () => {
    class Used extends TinyModule {
      override trainingStep(batch: unknown, batchIdx = 0): tf.Scalar {
        const loss = super.trainingStep(batch);
        return batchIdx < 1e9 ? loss : tf.neg(loss);
      }
    }
    class Unused extends TinyModule {
      override trainingStep(batch: unknown, _batchIdx?: number): tf.Scalar {
        return super.trainingStep(batch);
      }
    }
    const options: TrainerOptions = { compile: 'reduce-overhead', maxSteps: 12 };
    const used = await train(new Used(), options);
    const unused = await train(new Unused(), options);
    expect(used.result.engine.replays).toBe(0);
    expect(used.lines.join('\n')).toMatch(/Used\.trainingStep .* it uses batchIdx/);
    expect(unused.result.engine.replays).toBe(9);
  });
});
