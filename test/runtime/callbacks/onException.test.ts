import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { EMA } from '../../../runtime/src/callbacks/ema.ts';
import { OnExceptionCheckpoint } from '../../../runtime/src/callbacks/onExceptionCheckpoint.ts';
import { readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { Loader } from '../../../runtime/src/core/loader.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import {
  quietTrainer,
  recordingTerminal,
  temporaryFolder,
  weightBits,
} from '../trainer/tinyRun.ts';

/** Five batches an epoch, the last one short; groups of two, the last one short. */
const loaders = () => ({
  trainLoader: tinyLoader({ samples: 18 }),
  valLoader: tinyLoader({ samples: 6, shuffle: false, seed: 5 }),
});

/** Throws in the step of one batch, once its moving statistics have changed. */
class Failing extends TinyModule {
  readonly norm = tf.layers.batchNormalization({ inputShape: [3] });
  readonly #at: number;

  constructor(at: number) {
    super({ dropout: 0.5, hidden: 6 });
    this.norm.build([null, 3]);
    this.#at = at;
  }

  override forward(input: unknown): tf.Tensor2D {
    return super.forward(this.norm.apply(input as tf.Tensor, { training: this.training }));
  }

  override trainingStep(batch: unknown): tf.Scalar {
    const loss = super.trainingStep(batch);
    if (this.trainer.counters.batches.completed === this.#at) throw new Error('broken step');
    return loss;
  }
}

/** Every batch after the first `batches` has a NaN among its inputs. */
function poisonedAfter(batches: number): Loader {
  const plain = tinyLoader();
  let yielded = 0;
  return {
    ...plain,
    async *iterate(t) {
      for await (const loaded of plain.iterate(t)) {
        const { x } = loaded.data as unknown as { x: { data: Float32Array } };
        if (yielded++ >= batches) x.data[0] = Number.NaN;
        yield loaded;
      }
    },
  };
}

async function run(root: string, at: number, ckptPath: string | null, more: Callback[] = []) {
  const terminal = recordingTerminal();
  const module = new Failing(at);
  const trainer = await quietTrainer(
    {
      maxEpochs: 2,
      runName: 'failing',
      accumulateGradBatches: 2,
      valCheckInterval: '2 updates',
      logEveryNSteps: 1,
      defaultRootDir: root,
      callbacks: [new EMA({ decay: 0.5 }), new OnExceptionCheckpoint(), ...more],
    },
    { terminal },
  );
  const fitted = trainer.fit({ module, ...loaders(), ckptPath });
  const result = await fitted.catch((error: unknown) => error as Error);
  const dir = join(root, 'failing', 'version_0');
  const rows = (await readFile(join(dir, 'metrics.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ ...(JSON.parse(line) as object), time: null }));
  const path = join(dir, 'checkpoints', 'on_exception.safetensors');
  return { result, bits: weightBits(module), rows, path, lines: terminal.lines };
}

/** Throws in a hook of the fourth batch, whose group is complete with it. */
function throwingIn(hook: 'onAfterBackward' | 'onBeforeOptimizerStep'): Callback {
  return {
    [hook]: ({ counters }: TrainerContext) => {
      if (counters.batches.completed === 3) throw new Error('broken hook');
    },
  };
}

describe('OnExceptionCheckpoint', () => {
  let whole: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    whole = await run(await temporaryFolder(), -1, null);
  });

  it.each([1, 2, 3, 4, 5, 6, 9])(
    'resumes from an error in the step after batch %i as if it had not been',
    async (at) => {
      const root = await temporaryFolder();
      const failed = await run(root, at, null);
      expect(failed.result).toMatchObject({ message: 'broken step' });
      expect(failed.lines).toContainEqual(
        expect.stringMatching(/^Saved .*on_exception.safetensors: the state after update \d/),
      );
      const { state } = await readCheckpoint(failed.path);
      expect(state.kinds).toEqual(['emergency']);
      const resumed = await run(root, -1, failed.path);
      expect(resumed.result).toMatchObject({ status: 'finished' });
      expect(resumed.bits).toEqual(whole.bits);
      expect(resumed.rows).toEqual(whole.rows);
    },
  );

  it('saves before a hook that throws once gradients are there, not after', async () => {
    const before = await run(await temporaryFolder(), -1, null, [throwingIn('onAfterBackward')]);
    expect(before.result).toMatchObject({ message: 'broken hook' });
    expect(existsSync(before.path)).toBe(true);
    const inside = await run(await temporaryFolder(), -1, null, [
      throwingIn('onBeforeOptimizerStep'),
    ]);
    expect(inside.result).toMatchObject({ message: 'broken hook' });
    expect(existsSync(inside.path)).toBe(false);
    expect(inside.lines).toContainEqual(
      expect.stringMatching(/^Nothing was saved after the error: .*middle of an update/),
    );
  });

  it.each([
    ['cpu', null],
    ['ort', null],
    ['ort', 'reduce-overhead'],
  ] as const)(
    'saves the moving statistics before the step that spoiled them on %s, compile %s',
    async (accelerator, compile) => {
      const module = new Failing(-1);
      const statistics = () => module.norm.getWeights().flatMap((item) => [...item.dataSync()]);
      const seen: number[][] = [];
      const watch: Callback = { onTrainBatchEnd: () => void seen.push(statistics()) };
      const defaultRootDir = await temporaryFolder();
      const callbacks = [watch, new OnExceptionCheckpoint()];
      const trainer = await quietTrainer({
        accelerator,
        compile,
        maxEpochs: 2,
        defaultRootDir,
        callbacks,
      });
      const fitted = trainer.fit({ module, trainLoader: poisonedAfter(8) });
      await expect(fitted).rejects.toThrow(/loss is NaN at update 9/);
      expect(seen).toHaveLength(8);
      expect(seen[7]).not.toEqual(seen[6]);
      const path = join(defaultRootDir, 'Failing/version_0/checkpoints/on_exception.safetensors');
      const { tensors } = await readCheckpoint(path);
      const names = ['gamma', 'beta', 'moving_mean', 'moving_variance'];
      const saved = names.flatMap((name) => [...(tensors.get(`model/norm.${name}`)?.data ?? [])]);
      expect(saved).toEqual(seen[7]);
      expect(statistics()).toEqual(seen[7]);
    },
  );

  it('saves nothing of a run that has done nothing', async () => {
    const failed = await run(await temporaryFolder(), 0, null);
    expect(failed.result).toMatchObject({ message: 'broken step' });
    expect(existsSync(failed.path)).toBe(false);
  });

  it('removes the file when the run ends well and something else holds its end', async () => {
    const root = await temporaryFolder();
    const failed = await run(root, 3, null);
    const last: Callback = {
      saving: true,
      onTrainBatchEnd: async (context) => {
        await context.saveCheckpoint(join(context.runDir, 'checkpoints', 'mine'));
      },
    };
    await run(root, -1, failed.path);
    expect(existsSync(failed.path)).toBe(true);
    await run(root, -1, failed.path, [last]);
    expect(existsSync(failed.path)).toBe(false);
  });
});
