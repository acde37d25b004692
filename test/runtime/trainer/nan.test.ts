import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import type { Loader } from '../../../runtime/src/core/loader.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../runtime/src/testing/index.ts';
import { replayDump } from '../../../runtime/src/trainer/stepDump.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder, weightBits } from './tinyRun.ts';

/** Takes the root of the targets' squares plus 1, which is NaN where a target is. */
class Rooted extends TinyModule {
  readonly norm = tf.layers.batchNormalization({ inputShape: [3] });
  constructor() {
    super({ dropout: 0.2 });
    this.norm.build([null, 3]);
  }
  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as TinyBatch;
    const inner = this.norm.apply(x, { training: this.training }) as tf.Tensor2D;
    const loss: tf.Scalar = tf.mean(tf.sqrt(tf.add(tf.square(tf.sub(this.forward(inner), y)), 1)));
    this.log('loss', loss, { onEpoch: true });
    return loss;
  }
  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new SGD({ lr: 0.1 }) };
  }
}

/** In order; batch `bad` of each epoch has a NaN among its inputs, or is left out for `null`. */
function loaderWith(bad: number, leaveOut = false): Loader {
  const plain = tinyLoader({ samples: 20, shuffle: false });
  return {
    ...plain,
    async *iterate(t) {
      let index = (t % 20) / 4;
      for await (const loaded of plain.iterate(t)) {
        const { x } = loaded.data as unknown as { x: { data: Float32Array } };
        if (index === bad && !leaveOut) x.data[4] = Number.NaN;
        if (index++ !== bad || !leaveOut) yield loaded;
      }
    },
  };
}

async function train(options: TrainerOptions, bad: number) {
  const module = new Rooted();
  const terminal = recordingTerminal();
  const defaultRootDir = await temporaryFolder();
  const trainer = await quietTrainer({ maxEpochs: 1, defaultRootDir, ...options }, { terminal });
  const run = trainer.fit({ module, trainLoader: loaderWith(bad) });
  return { module, run, lines: terminal.lines, dir: join(defaultRootDir, 'Rooted/version_0') };
}

describe('on_nan', () => {
  it.each([
    ['cpu', null],
    ['ort', 'reduce-overhead'],
  ] as const)(
    'skip leaves the batch out of weights, statistics and means on %s',
    async (accelerator, compile) => {
      const { module, run, lines } = await train(
        { accelerator, compile, onNan: 'skip', maxEpochs: 4 },
        2,
      );
      const { metrics, counters } = await run;
      expect(weightBits(module).some((bits) => (bits & 0x7fffffff) > 0x7f800000)).toBe(false);
      expect(metrics['train/loss']).toBeGreaterThan(0);
      expect(lines.filter((line) => line.startsWith('Left out update'))).toHaveLength(4);
      expect(counters.updates.completed).toBe(16);
      expect(counters.batches.completed).toBe(20);
    },
  );

  it('skip averages the rest of an accumulation group', async () => {
    const skipped = await train({ onNan: 'skip', accumulateGradBatches: 5 }, 4);
    await skipped.run;
    const shorter = await train({ limitTrainBatches: 4, accumulateGradBatches: 5 }, -1);
    await shorter.run;
    expect(weightBits(skipped.module)).toEqual(weightBits(shorter.module));
  });

  describe('with manual optimization', () => {
    /** The loss of each batch twice: for the head, then for the rest. */
    class Manual extends Rooted {
      override readonly automaticOptimization = false;
      readonly steps: boolean[][] = [];
      override configureOptimizers(): OptimizerConfig {
        return [
          { name: 'head', parameters: ['head*'], optimizer: new SGD({ lr: 0.1 }) },
          { name: 'rest', parameters: ['[!h]*'], optimizer: new SGD({ lr: 0.1 }) },
        ];
      }
      override trainingStep(batch: unknown): tf.Scalar {
        const [head, rest] = this.optimizers();
        const poisoned = (this.trainer.counters.batches.processed + 1) % 5 === 0;
        const first = head.backward(() => super.trainingStep(batch));
        const done = [head.step()];
        rest.backward(() => {
          const loss = super.trainingStep(batch);
          return poisoned ? tf.mul(loss, Number.NaN) : loss;
        });
        this.steps.push([...done, rest.step()]);
        return first;
      }
    }
    const fit = async (options: TrainerOptions, bad: number) => {
      const module = new Manual();
      const trainer = await quietTrainer({ maxEpochs: 1, ...options });
      return { module, run: trainer.fit({ module, trainLoader: loaderWith(bad) }) };
    };

    it('skip forgets the gradients of that backward only', async () => {
      const { module, run } = await fit({ onNan: 'skip' }, 2);
      const { counters, metrics } = await run;
      expect(module.steps).toEqual([
        [true, true],
        [true, true],
        [false, false],
        [true, true],
        [true, false],
      ]);
      expect(counters.updates.completed).toBe(4);
      expect(weightBits(module).some((bits) => (bits & 0x7fffffff) > 0x7f800000)).toBe(false);
      expect(metrics['train/loss']).toBeGreaterThan(0);
    });

    it('raise ends the run, dump is refused', async () => {
      await expect((await fit({}, 2)).run).rejects.toThrow(/loss is NaN at update 3/);
      await expect((await fit({ onNan: 'dump' }, -1)).run).rejects.toThrow(
        /Manual optimizes manually.*raise or skip/,
      );
    });
  });

  it('raise ends the run and says what to do', async () => {
    const { run } = await train({}, 2);
    await expect(run).rejects.toThrow(/loss is NaN at update 3 .*on_nan: dump/);
  });

  it.each(['cpu', 'ort'])(
    'dump keeps a step that can be computed again on %s',
    async (accelerator) => {
      const { run, dir } = await train({ accelerator, onNan: 'dump' }, 2);
      await expect(run).rejects.toThrow(/replay-dump \(in code replayDump\(path, module\)\)/);
      const [file] = await readdir(join(dir, 'dumps'));
      expect(file).toBe('nan-step=3.safetensors');
      const replayed = await replayDump(join(dir, 'dumps', file), new Rooted());
      expect(replayed.loss).toBeNaN();
      expect(replayed.dumped).toBeNaN();
      // The NaN came with the batch: no operation made it.
      expect(replayed.anomaly).toBeNull();
      expect(replayed.brokenParameters).toEqual([]);
    },
  );

  it('replays with the same random numbers and names the operation', async () => {
    class Logged extends Rooted {
      override trainingStep(batch: unknown): tf.Scalar {
        const loss = super.trainingStep(batch);
        return tf.add<tf.Scalar>(loss, tf.mul(tf.log(tf.sub(this.head.sum(), this.head.sum())), 0));
      }
    }
    const defaultRootDir = await temporaryFolder();
    const trainer = await quietTrainer({ maxEpochs: 1, defaultRootDir, onNan: 'dump' });
    const run = trainer.fit({ module: new Logged(), trainLoader: loaderWith(-1) });
    await expect(run).rejects.toThrow('loss is NaN at update 1');
    const path = join(defaultRootDir, 'Logged/version_0/dumps/nan-step=1.safetensors');
    const { anomaly } = await replayDump(path, new Logged());
    expect(anomaly).toMatch(/Log\(x \[\]\) made -Infinity/);
    // Without the fault the dumped step has a loss that depends on dropout alone: always the same.
    const [one, other] = [
      await replayDump(path, new Rooted()),
      await replayDump(path, new Rooted()),
    ];
    expect(one.loss).toBe(other.loss);
    expect(one.loss).toBeGreaterThan(0);
  });

  it('looks at gradients when told to', async () => {
    class Steep extends TinyModule {
      override trainingStep(batch: unknown): tf.Scalar {
        const zero = tf.mul(this.head.sum(), 0);
        return tf.add<tf.Scalar>(super.trainingStep(batch), tf.sqrt(zero));
      }
    }
    const fit = async (options: TrainerOptions) => {
      const trainer = await quietTrainer({ maxSteps: 1, ...options });
      return trainer.fit({ module: new Steep(), trainLoader: tinyLoader() });
    };
    await fit({});
    await expect(fit({ nanCheck: 'gradients' })).rejects.toThrow(/gradient of head is not finite/);
  });
});
