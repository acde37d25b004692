import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EMA } from '../../../runtime/src/callbacks/ema.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer, temporaryFolder, weightBits } from '../trainer/tinyRun.ts';

class SaveAt implements Callback {
  readonly saving = true;
  readonly #batch: number;
  path = '';
  constructor(batch: number) {
    this.#batch = batch;
  }
  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.counters.batches.completed !== this.#batch) return;
    this.path = await context.saveCheckpoint(join(await temporaryFolder(), 'middle'));
  }
}

async function train(accelerator: string, callbacks: Callback[], ckptPath: string | null = null) {
  const module = new TinyModule({ dropout: 0.5, hidden: 6 });
  const trainer = await quietTrainer({
    accelerator,
    maxEpochs: 2,
    accumulateGradBatches: 2,
    valCheckInterval: '2 updates',
    callbacks,
  });
  const { metrics } = await trainer.fit({
    module,
    trainLoader: tinyLoader({ samples: 18 }),
    valLoader: tinyLoader({ samples: 6, shuffle: false, seed: 5 }),
    ckptPath,
  });
  return { bits: weightBits(module), metrics };
}

const averages = (ema: EMA) => ema.stateTensors().map(({ name, data }) => [name, [...data]]);

describe.each(['cpu', 'ort'])('EMA on %s', (accelerator) => {
  it('leaves training as it is and validates with other weights', async () => {
    const plain = await train(accelerator, []);
    const averaged = await train(accelerator, [new EMA({ decay: 0.9 })]);
    expect(averaged.bits).toEqual(plain.bits);
    expect(averaged.metrics['val/loss']).not.toBe(plain.metrics['val/loss']);
  });

  it('goes on exactly from the middle of an accumulation group', async () => {
    const [whole, resumed, save] = [new EMA(), new EMA(), new SaveAt(3)];
    const expected = await train(accelerator, [whole, save]);
    const actual = await train(accelerator, [resumed], save.path);
    expect(actual).toEqual(expected);
    expect(averages(resumed)).toEqual(averages(whole));
    expect(averages(resumed).length).toBeGreaterThan(0);
  });
});

describe('EMA of replayed steps', () => {
  it('is that of recorded ones, to the bit', async () => {
    const run = async (compile: 'reduce-overhead' | null) => {
      const ema = new EMA();
      const options = { accelerator: 'ort', threads: 1, maxEpochs: 8, callbacks: [ema], compile };
      const trainer = await quietTrainer(options);
      const { metrics, engine } = await trainer.fit({
        module: new TinyModule({ dropout: 0.5 }),
        trainLoader: tinyLoader(),
        valLoader: tinyLoader({ samples: 6, shuffle: false, seed: 5 }),
      });
      return { averages: averages(ema), metrics, replays: engine.replays };
    };
    const [recorded, replayed] = [await run(null), await run('reduce-overhead')];
    expect(replayed.replays).toBeGreaterThan(10);
    expect(replayed.averages).toEqual(recorded.averages);
    expect(replayed.metrics).toEqual(recorded.metrics);
  });
});

describe('evaluating with EMA', () => {
  const loader = () => tinyLoader({ samples: 6, shuffle: false, seed: 5 });

  it('tests with the averages of the checkpoint, or with its plain weights', async () => {
    const save = new SaveAt(10);
    const module = new TinyModule();
    const options = { maxEpochs: 2, enableCheckpointing: false };
    const trainer = await quietTrainer({ ...options, callbacks: [new EMA({ decay: 0.9 }), save] });
    const { metrics } = await trainer.fit({
      module,
      trainLoader: tinyLoader(),
      valLoader: loader(),
    });
    const test = async (callbacks: Callback[]) => {
      const tester = await quietTrainer({ callbacks });
      const fresh = new TinyModule({ seed: 3 });
      const result = await tester.test({ module: fresh, loader: loader(), ckptPath: save.path });
      expect(weightBits(fresh)).toEqual(weightBits(module));
      return result.metrics['test/loss'];
    };
    expect(await test([new EMA()])).toBe(metrics['val/loss']);
    const plain = await test([]);
    expect(plain).not.toBe(metrics['val/loss']);
    expect(await test([new EMA({ evaluateWith: 'weights' })])).toBe(plain);
  });
});
