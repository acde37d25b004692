import { beforeAll, describe, expect, it } from '@jest/globals';
import { ModelCheckpoint } from '../../../runtime/src/callbacks/modelCheckpoint.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import {
  tinyLoader,
  TinyModule,
  type TinyLoaderOptions,
  type TinyOptions,
} from '../../../runtime/src/testing/index.ts';
import { parseRestore, type RestoreOptions } from '../../../runtime/src/trainer/restoreParts.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder, weightBits } from './tinyRun.ts';

let path = '';
let folder = '';
beforeAll(async () => {
  const trainer = await quietTrainer({ maxEpochs: 1, callbacks: [new ModelCheckpoint()] });
  const result = await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
  path = result.lastCheckpoint ?? '';
  folder = result.runDir;
});

interface Change extends RestoreOptions {
  readonly options?: TrainerOptions;
  readonly module?: TinyOptions;
  readonly loader?: TinyLoaderOptions;
  readonly ckptPath?: string;
}

async function run({ options, module, loader, ckptPath = path, ...restore }: Change = {}) {
  const terminal = recordingTerminal();
  const trainer = await quietTrainer({ maxEpochs: 2, ...options }, { terminal });
  const tiny = new TinyModule(module);
  const result = await trainer.fit({
    module: tiny,
    trainLoader: tinyLoader(loader),
    ckptPath,
    ...restore,
  });
  return { result, bits: weightBits(tiny), text: terminal.lines.join('\n') };
}

describe('restoring parts of a checkpoint', () => {
  it('begins a new run from the weights, with another seed, batch size and data', async () => {
    const { result, text } = await run({
      restore: ['weights'],
      options: { seed: 7, maxEpochs: 1 },
      loader: { batchSize: 5, samples: 20 },
    });
    expect(result.counters.updates.completed).toBe(4);
    expect(result.runDir).not.toBe(folder);
    expect(text).toContain(`Begun with weights of ${path}`);
  });

  it('takes the weights, and with them the moments only when asked', async () => {
    const none = { options: { maxSteps: 1, maxEpochs: null } } as const;
    const [weights, both] = [
      await run({ ...none, restore: ['weights'] }),
      await run({ ...none, restore: ['weights', 'optimizer'] }),
    ];
    expect(weights.bits).not.toEqual(both.bits);
  });

  it('is the same run when every part is named', async () => {
    const all = await run({ restore: ['weights', 'optimizer', 'callbacks', 'progress'] });
    expect(all.bits).toEqual((await run()).bits);
    expect(all.result.runDir).toBe(folder);
  });

  it('takes the weights that fit and names the others', async () => {
    const { text } = await run({
      restore: ['matching_weights'],
      module: { hidden: 5 },
      options: { maxSteps: 1 },
    });
    expect(text).toMatch(
      /Not taken from .*:\n {2}"weight" has shape \[3, 5\], the checkpoint's has \[3, 4\]/,
    );
    await expect(run({ restore: ['weights'], module: { hidden: 5 } })).rejects.toThrow(
      /--restore matching_weights/,
    );
  });

  it.each<[string, Change, RegExp]>([
    ['an unknown part', { restore: parseRestore('weigths') }, /it got "weigths"\..*"weights"/],
    ['nothing', { restore: [] }, /restore takes weights/],
    ['two kinds of weights', { restore: ['weights', 'matching_weights'] }, /not both/],
    ['a rate of zero', { overrideLr: 0 }, /override_lr is 0; expected a number above 0/],
    ['a rate that is no number', { overrideLr: Number('fast') }, /override_lr is NaN/],
  ])('refuses %s', async (_name, change, message) => {
    await expect(run(change)).rejects.toThrow(message);
  });

  it('needs a checkpoint', async () => {
    const trainer = await quietTrainer({ maxEpochs: 1 });
    const fit = trainer.fit({
      module: new TinyModule(),
      trainLoader: tinyLoader(),
      restore: ['weights'],
    });
    await expect(fit).rejects.toThrow(/there is no checkpoint to take it from/);
  });
});

describe('another learning rate', () => {
  it('ends when the rate that it replaced is changed', async () => {
    const dirpath = await temporaryFolder();
    const { result } = await run({
      overrideLr: 0.5,
      options: { maxEpochs: 2, callbacks: [new ModelCheckpoint({ dirpath })] },
    }); // prettier-ignore
    const rates: number[] = [];
    const watch: Callback = {
      onTrainBatchStart: ({ optimizers }) => void rates.push(optimizers[0].lr),
    };
    const goOn = (lr: number) =>
      run({
        ckptPath: result.lastCheckpoint ?? '',
        module: { lr },
        options: { maxEpochs: 3, callbacks: [watch] },
      });
    const same = await goOn(0.05);
    expect([rates.at(-1), same.text.includes('override')]).toEqual([0.5, false]);
    const { text } = await goOn(0.01);
    expect(rates.at(-1)).toBe(0.01);
    expect(text).toContain(
      'The learning rate was changed from 0.05 to 0.01, which ends the override of 0.5.',
    );
  });

  it('holds from the resume on, and is kept in later checkpoints', async () => {
    const plain = await run();
    const whole = await run({ overrideLr: 0.5 });
    expect(whole.bits).not.toEqual(plain.bits);

    class CrashAfter implements Callback {
      readonly saving = true;
      path = '';
      async onTrainBatchEnd(context: Parameters<NonNullable<Callback['onTrainBatchEnd']>>[0]) {
        if (context.globalStep !== 7) return;
        this.path = await context.saveCheckpoint(`${folder}/checkpoints/crash`);
        throw new Error('crash');
      }
    }
    const crash = new CrashAfter();
    await expect(run({ overrideLr: 0.5, options: { callbacks: [crash] } })).rejects.toThrow(
      'crash',
    );
    expect((await run({ ckptPath: crash.path })).bits).toEqual(whole.bits);
  });
});
