import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { EMA } from '../../../runtime/src/callbacks/ema.ts';
import { OnExceptionCheckpoint } from '../../../runtime/src/callbacks/onExceptionCheckpoint.ts';
import { readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
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

/** Throws in the step of one batch. */
class Failing extends TinyModule {
  readonly #at: number;

  constructor(at: number) {
    super({ dropout: 0.5, hidden: 6 });
    this.#at = at;
  }

  override trainingStep(batch: unknown): tf.Scalar {
    const loss = super.trainingStep(batch);
    if (this.trainer.counters.batches.completed === this.#at) throw new Error('broken step');
    return loss;
  }
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
