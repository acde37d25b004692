import { readdir } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { ModelCheckpoint } from '../../../runtime/src/callbacks/modelCheckpoint.ts';
import { OnExceptionCheckpoint } from '../../../runtime/src/callbacks/onExceptionCheckpoint.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder } from './tinyRun.ts';

const after = (act: (context: TrainerContext) => unknown): Callback => ({
  onTrainBatchEnd: async (context) => {
    await act(context);
  },
});

async function tryOut(callbacks: Callback[], options: TrainerOptions = {}) {
  const terminal = recordingTerminal();
  const folder = await temporaryFolder();
  const trainer = await quietTrainer(
    { fastDevRun: 3, defaultRootDir: folder, enableCheckpointing: true, ...options, callbacks },
    { terminal },
  );
  const module = new TinyModule();
  const data = { trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 8 }) };
  const result = await trainer.fit({ module, ...data }).catch((error: unknown) => error as Error);
  return { result, lines: terminal.lines, files: await readdir(folder, { recursive: true }) };
}

describe('fast_dev_run', () => {
  it.each<[string, Callback[], TrainerOptions, RegExp | undefined]>([
    ['when all goes well', [new ModelCheckpoint(), new OnExceptionCheckpoint()], {}, undefined],
    ['when it is paused', [after((run) => { run.requestPause('now'); })], {}, /Not saved: fast_dev_run/],
    ['when somebody asks for a save', [after((run) => { run.requestSave(); })], {}, /Not saved: fast_dev_run/],
    ['when a callback saves', [after((run) => run.saveCheckpoint('/nowhere/x'))], {}, /writes nothing: \/nowhere\/x is left out/],
    ['when a step fails', [new OnExceptionCheckpoint(), after(() => Promise.reject(new Error('mine')))], {}, undefined],
  ])('writes nothing %s', async (_name, callbacks, options, said) => {
    const { files, lines } = await tryOut(callbacks, options);
    expect(files).toEqual([]);
    if (said !== undefined) expect(lines).toContainEqual(expect.stringMatching(said));
    expect(lines.filter((line) => line.startsWith('Saved '))).toEqual([]);
  }); // prettier-ignore

  it('writes nothing when a loss is not a number', async () => {
    const poison: Callback = {
      onTrainBatchStart: (_context, batch) => {
        (batch as { x: { dataSync(): Float32Array } }).x.dataSync().fill(Number.NaN);
      },
    };
    const { files, result } = await tryOut([poison], { onNan: 'dump' });
    expect(result).toMatchObject({ code: 'ERR_LOSS_NOT_FINITE' });
    expect((result as Error).message).not.toContain('replay-dump');
    expect(files).toEqual([]);
  });
});
