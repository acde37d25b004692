import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ModelCheckpoint } from '../../../runtime/src/callbacks/modelCheckpoint.ts';
import { CheckpointStore, readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder } from '../trainer/tinyRun.ts';

/** Breaks the folder after one update and mends it after another. */
class Trouble implements Callback {
  readonly #at: Readonly<Record<number, () => void>>;

  constructor(at: Readonly<Record<number, () => void>>) {
    this.#at = at;
  }

  onTrainBatchStart({ globalStep }: TrainerContext): void {
    this.#at[globalStep]?.();
  }
}

/** Ten updates, a checkpoint after each, of which the newest two are kept. */
async function train(
  dirpath: string,
  at: Readonly<Record<number, () => void>>,
  options: TrainerOptions = {},
) {
  const terminal = recordingTerminal();
  const saving = new ModelCheckpoint({
    dirpath,
    every: '1 updates',
    saveTopK: 2,
    filename: '{step}',
  });
  const trainer = await quietTrainer(
    { maxSteps: 10, maxEpochs: 2, callbacks: [new Trouble(at), saving], ...options },
    { terminal },
  );
  const fit = trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
  return { result: await fit.catch((error: unknown) => error as Error), lines: terminal.lines };
}

const notSaved = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.includes('training goes on') || line.includes('written again'));

/** Every file is what its name and the index say. */
async function expectSound(folder: string, steps: readonly number[]): Promise<void> {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
  expect(files.toSorted()).toEqual(
    ['last.safetensors', ...steps.map((step) => `step=${step}.safetensors`)].toSorted(),
  );
  for (const step of steps) {
    const { info } = await readCheckpoint(join(folder, `step=${step}.safetensors`));
    expect(info.step).toBe(step);
  }
  const { info } = await readCheckpoint(join(folder, 'last.safetensors'));
  expect(info.step).toBe(Math.max(...steps));
  const entries = (await CheckpointStore.open(folder)).entries();
  expect(entries.map(({ file }) => file).toSorted()).toEqual(files.toSorted());
}

/** A file where a folder should be: whoever runs the test may not write there. */
function blockFolder(folder: string): void {
  fs.renameSync(folder, `${folder}-aside`);
  fs.writeFileSync(folder, '');
}

function unblockFolder(folder: string): void {
  fs.unlinkSync(folder);
  fs.renameSync(`${folder}-aside`, folder);
}

describe('checkpoints that cannot be written', () => {
  it('are told of once; training goes on and saves when it can again', async () => {
    const folder = join(await temporaryFolder(), 'checkpoints');
    const { result, lines } = await train(folder, {
      3: () => blockFolder(folder),
      7: () => unblockFolder(folder),
    });
    expect(result).not.toBeInstanceOf(Error);
    expect(notSaved(lines)).toEqual([
      expect.stringMatching(/^Not saved, training goes on: .*step=\d.safetensors could not be/),
      'Checkpoints are written again.',
    ]);
    await expectSound(folder, [9, 10]);
  });

  it('end the run when the last one is missing, with the good ones unchanged', async () => {
    const folder = join(await temporaryFolder(), 'checkpoints');
    const { result, lines } = await train(folder, { 3: () => blockFolder(folder) });
    expect(result).toMatchObject({ code: 'ERR_CHECKPOINT_WRITE' });
    expect(notSaved(lines)).toHaveLength(1);
    unblockFolder(folder);
    const kept = fs.readdirSync(folder).filter((name) => name.startsWith('step='));
    await expectSound(
      folder,
      kept.map((name) => Number(/\d+/.exec(name)?.[0])),
    );
  });

  it('stop the run at once with on_save_error: stop', async () => {
    const folder = join(await temporaryFolder(), 'checkpoints');
    let steps = 0;
    const count = Object.fromEntries(
      [4, 5, 6, 7, 8].map((step) => [step, () => void (steps = step)]),
    );
    const at = { ...count, 3: () => blockFolder(folder) };
    const { result, lines } = await train(folder, at, { onSaveError: 'stop' });
    expect(result).toMatchObject({ code: 'ERR_CHECKPOINT_WRITE' });
    expect(steps).toBeLessThanOrEqual(5);
    expect(notSaved(lines)).toEqual([]);
  });

  it('go on in a folder that is made again when somebody removed it', async () => {
    const folder = join(await temporaryFolder(), 'checkpoints');
    const { result, lines } = await train(folder, {
      // In one operation, whatever the background save is doing in it.
      5: () => fs.renameSync(folder, `${folder}-gone`),
    });
    expect(result).not.toBeInstanceOf(Error);
    expect(notSaved(lines)).toEqual([]);
    await expectSound(folder, [9, 10]);
  });
});

describe('a disk that is full', () => {
  const disk = join(fs.mkdtempSync('/tmp/lightbox-full-'), 'disk');
  fs.mkdirSync(disk);
  // Only root may mount; others have the injected failures of the store's own tests.
  const mounted =
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).status === 0;
  afterAll(() => {
    const free = !mounted || spawnSync('umount', ['-l', disk]).status === 0;
    if (free) fs.rmSync(dirname(disk), { recursive: true, force: true });
  });

  (mounted ? it : it.skip)(
    'loses nothing that was saved, and is used when it has room',
    async () => {
      const folder = join(disk, 'checkpoints');
      const filler = join(disk, 'filler');
      const { result, lines } = await train(folder, {
        4: () => {
          spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k']);
        },
        8: () => fs.unlinkSync(filler),
      });
      expect(result).not.toBeInstanceOf(Error);
      expect(notSaved(lines)).toEqual([
        expect.stringMatching(/^Not saved, training goes on: .*Free some space/),
        'Checkpoints are written again.',
      ]);
      await expectSound(folder, [9, 10]);
    },
  );
});
