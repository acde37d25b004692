import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { Adam, clipGradients, SGD } from '../../../runtime/src/core/optim/index.ts';
import type { OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { lrFactors } from '../../../runtime/src/core/schedulers/scheduler.ts';
import { Cosine } from '../../../runtime/src/core/schedulers/index.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { toTensors, disposeBatch } from '../../../runtime/src/core/batch.ts';
import { ParameterArena } from '../../../runtime/src/engine/arena/parameterArena.ts';
import { computeGradients } from '../../../runtime/src/engine/gradients.ts';
import { selectBackend } from '../../../runtime/src/engine/index.ts';
import {
  expectNoTensorLeak,
  tinyLoader,
  TinyModule,
  type TinyBatch,
} from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { ManualGan, TinyGan } from './tinyGan.ts';
import { quietTrainer, recordingTerminal, temporaryFolder, weightBits } from './tinyRun.ts';

const loader = () => tinyLoader({ samples: 18 });
type Gan = TinyGan | ManualGan;

/** Saves after the k-th batch and then lets the run fail, as a crash would. */
class CrashAfter implements Callback {
  readonly saving = true;
  path = '';
  readonly #batch: number;

  constructor(batch: number) {
    this.#batch = batch;
  }

  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.counters.batches.completed !== this.#batch) return;
    this.path = await context.saveCheckpoint(join(context.runDir, 'checkpoints', 'crash'));
    throw new Error('crash');
  }
}

async function train(
  module: Gan,
  options: TrainerOptions = {},
  callbacks: Callback[] = [],
  ckptPath: string | null = null,
) {
  const terminal = recordingTerminal();
  const trainer = await quietTrainer(
    { maxEpochs: 3, logEveryNSteps: 1, callbacks, ...options },
    { terminal },
  );
  const result = await trainer.fit({ module, trainLoader: loader(), ckptPath });
  const text = await readFile(join(result.runDir, 'metrics.jsonl'), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ ...(JSON.parse(line) as object), time: 0 }));
  return { result, rows, bits: weightBits(module), lines: terminal.lines };
}

/** The loop that users write by hand: critic, then generator, batch by batch. */
async function bareLoop(module: TinyGan, epochs: number): Promise<number[]> {
  await selectBackend({ accelerator: 'cpu' });
  const named = module.parameters();
  const part = (name: string) => {
    const arena = new ParameterArena(named.filter((item) => item.name.startsWith(name)));
    const optimizer = new Adam({ lr: 0.02, betas: [0.5, 0.9] });
    optimizer.bind(arena);
    return { arena, optimizer };
  };
  const [critic, generator] = [part('critic'), part('generator')];
  const source = loader();
  let updates = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const { data } of source.iterate(epoch * 18)) {
      const batch = toTensors(data) as TinyBatch;
      computeGradients(() => module.criticLoss(batch), critic.arena).dispose();
      clipGradients(critic.arena, { norm: 0.5 });
      critic.optimizer.step();
      if ((updates + 1) % module.every === 0) {
        computeGradients(() => module.generatorLoss(batch), generator.arena).dispose();
        generator.optimizer.step(lrFactors(new Cosine(), generator.optimizer, updates, epochs * 5));
      }
      updates++;
      disposeBatch(batch);
    }
  }
  return weightBits(module);
}

describe('several optimizers as rounds', () => {
  it.each([1, 3])(
    'equal the loop written by hand to the bit, generator every %i updates',
    async (every) => {
      const { bits, result } = await train(new TinyGan({ every }));
      expect(bits).toEqual(await bareLoop(new TinyGan({ every }), 3));
      // One update a batch, however many optimizers.
      expect(result.counters.updates.completed).toBe(15);
    },
  );

  it('train each its own parameters, in its turn', async () => {
    const turns: string[] = [];
    const before: Record<string, string> = {};
    const changed: string[] = [];
    const state = ({ module }: TrainerContext) =>
      Object.fromEntries(
        module.parameters().map(({ name, variable }) => [name, variable.dataSync().join()]),
      );
    const watch: Callback = {
      onTrainStart: (context) => void Object.assign(before, state(context)),
      onBeforeOptimizerStep: (_context, round) => void turns.push(round),
      onTrainBatchEnd(context) {
        const now = state(context);
        changed.push(
          [
            ...new Set(
              Object.keys(now)
                .filter((name) => now[name] !== before[name])
                .map((name) => name.split('.')[0]),
            ),
          ].join(),
        );
        Object.assign(before, now);
      },
    };
    await train(new TinyGan({ every: 2 }), { maxSteps: 4, maxEpochs: null }, [watch]);
    expect(changed).toEqual(['critic', 'generator,critic', 'critic', 'generator,critic']);
    expect(turns.join()).toBe('critic,critic,generator,critic,critic,generator');
  });

  it('report the norm of those that had a part in the update', async () => {
    const norms: number[] = [];
    const watch: Callback = {
      onTrainBatchEnd: ({ gradientNorm }) => void norms.push(gradientNorm ?? NaN),
    };
    await train(new TinyGan({ every: 3 }), { maxSteps: 3, maxEpochs: null }, [watch]);
    expect(norms.every(Number.isFinite)).toBe(true);
  });

  it.each([
    ['rounds', () => new TinyGan({ every: 2, noise: true })],
    ['manual optimization', () => new ManualGan({ noise: true })],
  ] as const)(
    'with %s, go on after any batch to the bit, inside groups too',
    async (_name, make) => {
      const options = { maxEpochs: 2, accumulateGradBatches: 2 };
      const whole = await train(make(), options);
      for (let batch = 1; batch < 10; batch++) {
        const defaultRootDir = await temporaryFolder();
        const crash = new CrashAfter(batch);
        await expect(train(make(), { ...options, defaultRootDir }, [crash])).rejects.toThrow(
          'crash',
        );
        const resumed = await train(make(), { ...options, defaultRootDir }, [], crash.path);
        expect(resumed.bits).toEqual(whole.bits);
        expect(resumed.rows).toEqual(whole.rows);
        expect(resumed.result.counters).toEqual(whole.result.counters);
      }
    },
  );

  it('move made numbers to the real ones', async () => {
    const module = new TinyGan({ noise: true });
    const trainer = await quietTrainer({ maxSteps: 400 });
    await trainer.fit({ module, trainLoader: tinyLoader({ samples: 256, batchSize: 32 }) });
    // Real numbers have the mean 0; made ones began at 2.
    const means = [...module.generator.bias.dataSync()].map(Math.abs);
    expect(Math.max(...means)).toBeLessThan(1);
  });

  it('are replayed to the same bits', async () => {
    const options = { accelerator: 'ort', threads: 1, maxEpochs: null, maxSteps: 60 } as const;
    const make = () => new TinyGan({ noise: true, every: 2 });
    const recorded = await train(make(), options);
    const replayed = await train(make(), { ...options, compile: 'reduce-overhead' });
    expect(replayed.bits).toEqual(recorded.bits);
    expect(replayed.rows).toEqual(recorded.rows);
    expect(replayed.result.engine.replays).toBeGreaterThan(50);
  });

  it.each<[string, OptimizerConfig, RegExp]>([
    [
      'turns that never come',
      [{ name: 'a', optimizer: new SGD(), every: 2 }],
      /no round with every/,
    ],
    ['half turns', [{ name: 'a', optimizer: new SGD(), every: 0.5 }], /every: 0\.5 in round "a"/],
    [
      'shared parameters',
      [
        { name: 'a', optimizer: new SGD() },
        { name: 'b', optimizer: new SGD() },
      ],
      /belongs to an earlier round/,
    ],
    [
      'unknown parameters',
      [{ name: 'a', optimizer: new SGD(), parameters: ['x.*'] }],
      /no trainable parameter matches/,
    ],
  ])('refuse %s', async (_name, config, message) => {
    class Wrong extends TinyModule {
      override configureOptimizers = () => config;
    }
    const trainer = await quietTrainer({ maxSteps: 1 });
    const fit = trainer.fit({ module: new Wrong(), trainLoader: loader() });
    await expect(fit).rejects.toThrow(message);
  });
});

describe('manual optimization', () => {
  it('equals rounds to the bit', async () => {
    const options = { accumulateGradBatches: 2 };
    const rounds = await train(new TinyGan(), options);
    const manual = await train(new ManualGan(), options);
    expect(manual.bits).toEqual(rounds.bits);
    expect(manual.rows).toEqual(rounds.rows);
    expect(manual.result.counters).toEqual(rounds.result.counters);
  });

  it('adds losses of a batch and averages batches, across a resume', async () => {
    /** Steps in every third batch, from gradients of two halves. */
    class Rare extends ManualGan {
      override trainingStep(batch: unknown, index: number): tf.Scalar {
        const [critic] = this.optimizers();
        const half = (): tf.Scalar => tf.mul(this.criticLoss(batch as TinyBatch), 0.5);
        critic.backward(half);
        const loss = critic.backward(half);
        if (index % 3 === 2) critic.step();
        return loss;
      }
    }
    const rare = await train(new Rare(), { maxEpochs: 1 });
    expect(rare.result.counters.updates.completed).toBe(1);
    const grouped = await train(new TinyGan({ every: 1 }), {
      maxSteps: 1,
      maxEpochs: null,
      accumulateGradBatches: 3,
    });
    const critic = (bits: number[]) => [...new Float32Array(new Uint32Array(bits.slice(6)).buffer)];
    critic(rare.bits).forEach((value, index) => {
      expect(value).toBeCloseTo(critic(grouped.bits)[index], 5);
    });
    const defaultRootDir = await temporaryFolder();
    const crash = new CrashAfter(2);
    await expect(train(new Rare(), { maxEpochs: 1, defaultRootDir }, [crash])).rejects.toThrow(
      'crash',
    );
    const resumed = await train(new Rare(), { maxEpochs: 1, defaultRootDir }, [], crash.path);
    expect(resumed.bits).toEqual(rare.bits);
  });

  it('counts one update for a batch with many steps', async () => {
    const rates: number[] = [];
    class Busy extends ManualGan {
      override trainingStep(batch: unknown, index: number): tf.Scalar {
        const [critic, generator] = this.optimizers();
        for (let turn = 0; turn < 3; turn++) {
          critic.backward(() => this.criticLoss(batch as TinyBatch));
          critic.step();
        }
        rates.push(generator.lr);
        return super.trainingStep(batch, index);
      }
    }
    const { result } = await train(new Busy(), { maxEpochs: 1 });
    expect(result.counters.updates.completed).toBe(5);
    expect(rates[0]).toBeCloseTo(0.02, 6);
    expect(rates[4]).toBeLessThan(0.01);
  });

  it('does not validate or log twice at the same update', async () => {
    class Every2nd extends ManualGan {
      override trainingStep(batch: unknown, index: number): tf.Scalar {
        const [critic] = this.optimizers();
        const loss = critic.backward(() => this.criticLoss(batch as TinyBatch));
        if (index % 2 === 1) critic.step();
        return loss;
      }
      override validationStep(): void {
        this.log('one', 1);
      }
    }
    const trainer = await quietTrainer({ maxEpochs: 1, valCheckInterval: '1 updates' });
    const { counters } = await trainer.fit({
      module: new Every2nd(),
      trainLoader: loader(),
      valLoader: tinyLoader({ samples: 4 }),
    });
    expect(counters.updates.completed).toBe(2);
    expect(counters.validations.completed).toBe(2);
  });

  it('is not replayed, and says so', async () => {
    const options = { accelerator: 'ort', threads: 1, maxSteps: 5, maxEpochs: null } as const;
    const { lines, result } = await train(new ManualGan(), {
      ...options,
      compile: 'reduce-overhead',
    });
    expect(lines).toContain(
      'ManualGan optimizes manually: its steps are recorded anew each time instead of replayed.',
    );
    expect(result.engine.replays).toBe(0);
  });

  it('frees its tensors', async () => {
    const module = new ManualGan();
    const run = async () => {
      await train(module, { maxSteps: 3, maxEpochs: null });
    };
    await run();
    await expectNoTensorLeak(run);
  });

  it.each<[string, (gan: ManualGan, batch: TinyBatch) => tf.Scalar, RegExp]>([
    [
      'a step without gradients',
      (gan) => {
        gan.optimizers()[0].step();
        return tf.scalar(0);
      },
      /"critic": step\(\) without gradients/,
    ],
    [
      'a loss of nobody in particular',
      (gan, batch) => gan.manualBackward(() => gan.criticLoss(batch)),
      /several optimizers \(critic, generator\)/,
    ],
    [
      'NaN',
      (gan, batch) => gan.optimizers()[0].backward(() => tf.mul(gan.criticLoss(batch), NaN)),
      /loss is NaN at update 1/,
    ],
  ])('refuses %s', async (_name, step, message) => {
    class Wrong extends ManualGan {
      override trainingStep(batch: unknown): tf.Scalar {
        return step(this, batch as TinyBatch);
      }
    }
    await expect(train(new Wrong())).rejects.toThrow(message);
  });

  it('refuses optimizers() in other modules, and asynchronous hooks inside the step', async () => {
    expect(() => new TinyGan().optimizers()).toThrow(/automaticOptimization = false/);
    const slow: Callback = { onAfterBackward: () => Promise.resolve() };
    await expect(train(new ManualGan(), {}, [slow])).rejects.toThrow(/remove async/);
  });
});
