import { beforeAll, describe, expect, it } from '@jest/globals';
import { CompileCallback } from '../../../runtime/src/callbacks/compile.ts';
import { Adam, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import {
  compileChoices,
  restoreCompileChoices,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import { quickest } from '../../../runtime/src/engine/ort/variant.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { Rng, withKeyedRandom } from '../../../runtime/src/random/index.ts';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../runtime/src/testing/index.ts';
import { quietTrainer, recordingTerminal, weightBits } from '../trainer/tinyRun.ts';

beforeAll(() => selectBackend({ accelerator: 'ort', threads: 2 }));

/** An image of 16 channels out of three numbers, so that blocks of channels are a way to go. */
class Images extends TinyModule {
  readonly net = withKeyedRandom(Rng.fromSeed(7), () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ units: 16 * 36, inputShape: [3] }),
        tf.layers.reshape({ targetShape: [6, 6, 16] }),
        tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
        tf.layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 1 }),
      ],
    }),
  );

  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as TinyBatch;
    return tf.mean(tf.square(tf.sub(this.net.apply(x) as tf.Tensor, y)));
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new Adam({ lr: 0.01 }) };
  }
}

async function train(callback: CompileCallback) {
  // Other settings make the back end forget its sessions.
  await selectBackend({ accelerator: 'ort', threads: 1 });
  const terminal = recordingTerminal();
  const trainer = await quietTrainer(
    { accelerator: 'ort', threads: 2, maxSteps: 20, callbacks: [callback] },
    { terminal },
  );
  const module = new Images();
  const { engine } = await trainer.fit({ module, trainLoader: tinyLoader() });
  const bits = weightBits(module);
  module.dispose();
  return { bits, engine, report: terminal.lines.find((line) => line.startsWith('compile:')) };
}

describe('max-autotune', () => {
  it('decides once for each graph of a step, and says so', async () => {
    const first = await train(new CompileCallback({ mode: 'max-autotune' }));
    expect(first.engine.tuned).toBeGreaterThan(0);
    expect(first.engine.replays).toBe(17);
    expect(first.report).toContain(`${String(first.engine.tuned)} tuned`);
    const again = await train(new CompileCallback({ mode: 'max-autotune' }));
    expect(again.engine.tuned).toBe(0);
    expect(again.bits).toEqual(first.bits);
  });

  it('follows the decisions of a checkpoint', async () => {
    const callback = new CompileCallback({ mode: 'max-autotune' });
    const mine = await train(callback);
    const state = JSON.parse(JSON.stringify(callback.stateDict())) as ReturnType<
      CompileCallback['stateDict']
    >;
    const opposite = compileChoices().map((choice) => ({
      ...choice,
      layout: choice.layout === 'plain' ? ('blocked' as const) : ('plain' as const),
    }));
    expect(opposite.length).toBeGreaterThan(0);
    restoreCompileChoices(opposite);
    const other = await train(new CompileCallback({ mode: 'max-autotune' }));
    expect(other.bits).not.toEqual(mine.bits);
    const resumed = new CompileCallback({ mode: 'max-autotune' });
    resumed.loadStateDict(state);
    expect((await train(resumed)).bits).toEqual(mine.bits);
  });

  it('takes another way only when it is clearly quicker', () => {
    const spin = (milliseconds: number) => {
      const end = performance.now() + milliseconds;
      while (performance.now() < end);
    };
    expect(quickest([6, 1], spin)).toBe(1);
    expect(quickest([1, 6], spin)).toBe(1);
    expect(quickest([2, 2], spin)).toBe(2);
  });
});
