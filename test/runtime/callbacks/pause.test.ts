import { existsSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PauseCallback } from '../../../runtime/src/callbacks/pause.ts';
import type { PauseCallbackOptions } from '../../../runtime/src/callbacks/pauseOptions.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { Logger } from '../../../runtime/src/core/logger.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { FitResult } from '../../../runtime/src/trainer/results.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import {
  fakeSignals,
  quietTrainer,
  recordingTerminal,
  temporaryFolder,
  weightBits,
} from '../trainer/tinyRun.ts';

const data = () => ({ trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 12 }) });

/** A terminal whose keys a test presses. */
function keyboard() {
  const handlers = new Set<(key: string) => void>();
  const terminal = recordingTerminal({
    isTTY: true,
    onKey(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
  });
  const press = (key: string): void => {
    for (const handler of handlers) handler(key);
  };
  return { terminal, press, listeners: () => handlers.size };
}

/** Does something after a batch, counted over all epochs. */
function atBatch(batch: number, act: (context: TrainerContext) => void): Callback {
  return {
    onTrainBatchEnd: (context) => {
      if (context.counters.batches.processed === batch) act(context);
    },
  };
}

interface Played {
  readonly result: FitResult;
  readonly module: TinyModule;
  readonly lines: readonly string[];
  readonly listeners: number;
}

/** Trains and presses keys after batches. */
async function play(
  presses: Readonly<Record<number, string>>,
  options: TrainerOptions = {},
  pause: PauseCallbackOptions = {},
): Promise<Played> {
  const { terminal, press, listeners } = keyboard();
  const callbacks = Object.entries(presses).map(([batch, keys]) =>
    atBatch(Number(batch), () => {
      for (const key of keys) press(key);
    }),
  );
  const trainer = await quietTrainer(
    {
      maxEpochs: 3,
      accumulateGradBatches: 2,
      ...options,
      callbacks: [...callbacks, new PauseCallback(pause), ...(options.callbacks ?? [])],
    },
    { terminal, resumeHint: (path) => `go on ${path}` },
  );
  const module = new TinyModule();
  const result = await trainer.fit({ module, ...data() });
  return { result, module, lines: terminal.lines, listeners: listeners() };
}

async function bitsOfWholeRun(options: TrainerOptions): Promise<number[]> {
  const module = new TinyModule();
  await (await quietTrainer(options)).fit({ module, ...data() });
  return weightBits(module);
}

describe('a pause by key', () => {
  // Epochs of 5 batches; groups of 2, so batch 3 begins a group, and so does batch 5.
  it.each([
    ['batch', 3, 3, 1],
    ['update', 3, 4, 2],
    ['validation', 3, 5, 3],
    ['epoch', 3, 5, 3],
    ['batch', 5, 5, 3],
    ['epoch', 6, 10, 6],
  ] as const)(
    'at %s, pressed after batch %i, comes after batch %i and resumes to the same bits',
    async (pauseAt, pressed, batches, updates) => {
      const options = {
        maxEpochs: 3,
        accumulateGradBatches: 2,
        defaultRootDir: await temporaryFolder(),
      };
      const { result, lines, listeners } = await play({ [pressed]: 'p' }, options, { pauseAt });
      expect(result).toMatchObject({ status: 'paused', reason: 'key p', exitCode: 0 });
      expect(result.counters.batches.completed).toBe(batches);
      expect(result.counters.updates.completed).toBe(updates);
      expect(lines).toContain(`Resume with: go on ${result.lastCheckpoint ?? ''}`);
      expect(listeners).toBe(0);
      const module = new TinyModule();
      const resumed = await (
        await quietTrainer(options)
      ).fit({ module, ...data(), ckptPath: result.lastCheckpoint });
      expect(resumed.status).toBe('finished');
      expect(resumed.counters.validations.completed).toBe(3);
      expect(weightBits(module)).toEqual(await bitsOfWholeRun(options));
    },
  );

  it('is after the validation at validation, before the end of the epoch', async () => {
    const { result } = await play({ 3: 'p' }, {}, { pauseAt: 'validation' });
    expect(result.counters.validations.completed).toBe(1);
    expect(result.counters.epochs.completed).toBe(0);
  });

  it('at validation waits no longer than to the end of the epoch', async () => {
    const options = { checkValEveryNEpoch: 3 };
    const { result } = await play({ 3: 'p' }, options, { pauseAt: 'validation' });
    expect(result).toMatchObject({ status: 'paused' });
    expect(result.counters.epochs.completed).toBe(1);
  });

  it('is taken back by the same key, but not by the same press', async () => {
    const twice = await play({ 1: 'pp' });
    expect(twice.result.status).toBe('paused');
    const back = await play({ 1: 'p', 2: 'p' }, {}, { pauseAt: 'epoch', debounceInterval: 0 });
    expect(back.result.status).toBe('finished');
    expect(back.lines).toContain('p: no pause, training goes on');
  });

  it('names the keys once, and ignores every other key', async () => {
    const { lines, result } = await play({ 2: 'xyzPQ\u001B' });
    expect(lines.filter((line) => line.startsWith('Keys: '))).toEqual([
      'Keys: p pause, s save, v validate, q stop, w upload at a pause',
    ]);
    expect(result.status).toBe('finished');
  });

  it('leaves no listener behind when training fails', async () => {
    const { terminal, listeners } = keyboard();
    const signals = fakeSignals();
    const fails = atBatch(2, () => {
      throw new Error('broken');
    });
    const trainer = await quietTrainer(
      { maxEpochs: 1, callbacks: [fails, new PauseCallback()] },
      { terminal, signals },
    );
    await expect(trainer.fit({ module: new TinyModule(), ...data() })).rejects.toThrow('broken');
    expect([listeners(), signals.count()]).toEqual([0, 0]);
  });

  it('says nothing about keys without a keyboard', async () => {
    const terminal = recordingTerminal();
    const trainer = await quietTrainer(
      { maxEpochs: 1, callbacks: [new PauseCallback()] },
      { terminal },
    );
    await trainer.fit({ module: new TinyModule(), ...data() });
    expect(terminal.lines.join('\n')).not.toMatch(/Keys|pause/i);
  });
});

describe('the other keys', () => {
  it('s saves a checkpoint that resumes to the same bits, and goes on', async () => {
    const options = {
      maxEpochs: 3,
      accumulateGradBatches: 2,
      defaultRootDir: await temporaryFolder(),
    };
    // Inside a group of two batches.
    const { result, module, lines } = await play({ 3: 's' }, options);
    expect(result.status).toBe('finished');
    const saved = join(result.runDir, 'checkpoints', 'save-step=1.safetensors');
    expect(lines).toContain(`Saved ${saved}`);
    const again = new TinyModule();
    await (await quietTrainer(options)).fit({ module: again, ...data(), ckptPath: saved });
    expect(weightBits(again)).toEqual(weightBits(module));
  });

  it('s goes on when the checkpoint cannot be written', async () => {
    const block: Callback = {
      onTrainStart: ({ runDir }) => {
        writeFileSync(join(runDir, 'checkpoints'), 'a file where the folder should be');
      },
    };
    const { result, lines } = await play({ 3: 's' }, { callbacks: [block] });
    expect(result.status).toBe('finished');
    expect(lines).toContainEqual(expect.stringMatching(/^Not saved, training goes on: /));
  });

  it('v validates now', async () => {
    const { result, lines } = await play({ 2: 'v' });
    expect(result.counters.validations.completed).toBe(4);
    expect(lines).toContain('v: validating after this batch');
  });

  it('v says when there is nothing to validate on', async () => {
    const { terminal, press } = keyboard();
    const callbacks = [atBatch(1, () => press('v')), new PauseCallback()];
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks }, { terminal });
    await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    expect(terminal.lines).toContain('v: there is nothing to validate on');
  });

  it('q stops after the update', async () => {
    const { result } = await play({ 3: 'q' });
    expect(result).toMatchObject({ status: 'stopped', reason: 'stopped by key' });
    expect(result.counters.batches.completed).toBe(4);
  });

  it('w says that nothing can be uploaded', async () => {
    const { lines } = await play({ 2: 'w' });
    expect(lines).toContainEqual(expect.stringMatching(/^w: no logger that keeps checkpoints/));
  });

  it('w cycles what a pause uploads; a failing upload costs nothing', async () => {
    const uploads: (readonly string[])[] = [];
    const keeping = (fails: boolean): Logger => ({
      name: 'far away',
      start: () => undefined,
      logMetrics: () => undefined,
      logHyperparameters: () => undefined,
      flush: () => Promise.resolve(),
      finish: () => Promise.resolve(),
      uploadCheckpoints: (paths) => {
        uploads.push(paths);
        return fails ? Promise.reject(new Error('no network')) : Promise.resolve();
      },
    });
    const pause = { debounceInterval: 0 };
    const once = await play({ 1: 'w', 3: 'p' }, { logger: keeping(false) }, pause);
    expect(uploads).toEqual([[once.result.lastCheckpoint]]);
    await play({ 1: 'www', 3: 'p' }, { logger: keeping(false) }, pause);
    expect(uploads).toHaveLength(1);
    const failed = await play({ 1: 'w', 3: 'p' }, { logger: keeping(true) }, pause);
    expect(failed.result.status).toBe('paused');
    expect(failed.lines).toContain('Not uploaded by far away: no network. The files are here.');
  });
});

describe('without a keyboard', () => {
  it('SIGUSR2 saves and goes on', async () => {
    const signals = fakeSignals();
    const send = atBatch(2, () => signals.send('SIGUSR2'));
    const trainer = await quietTrainer(
      { maxEpochs: 1, callbacks: [send, new PauseCallback()] },
      { signals },
    );
    const result = await trainer.fit({ module: new TinyModule(), ...data() });
    expect(result.status).toBe('finished');
    expect(basename(result.lastCheckpoint ?? '')).toBe('save-step=2.safetensors');
    expect(signals.count()).toBe(0);
  });

  it.each([
    [{}, 'finished'],
    [{ sigusr1: 'pause' }, 'paused'],
  ] as const)('SIGUSR1 with %j: %s', async (options, status) => {
    const signals = fakeSignals();
    const send = atBatch(2, () => signals.send('SIGUSR1'));
    const trainer = await quietTrainer(
      { maxEpochs: 1, callbacks: [send, new PauseCallback(options)] },
      { signals },
    );
    const result = await trainer.fit({ module: new TinyModule(), ...data() });
    expect(result.status).toBe(status);
  });

  it('a file PAUSE in the folder of the run pauses it, once', async () => {
    let now = 0;
    const callbacks = [
      atBatch(2, ({ runDir }) => {
        writeFileSync(join(runDir, 'PAUSE'), '');
        now += 1000;
      }),
      new PauseCallback(),
    ];
    const root = await temporaryFolder();
    const trainer = await quietTrainer(
      { maxEpochs: 2, defaultRootDir: root, callbacks },
      { clock: { now: () => now } },
    );
    const result = await trainer.fit({ module: new TinyModule(), ...data() });
    expect(result).toMatchObject({ status: 'paused', reason: 'file PAUSE' });
    expect(existsSync(join(result.runDir, 'PAUSE'))).toBe(false);
  });

  it('enable_pause: false turns everything off', async () => {
    const { result, listeners, lines } = await play({ 2: 'p' }, {}, { enablePause: false });
    expect([result.status, listeners]).toEqual(['finished', 0]);
    expect(lines.join()).not.toContain('Keys');
  });

  it('the trainer itself can be asked', async () => {
    const trainer = await quietTrainer({
      maxEpochs: 2,
      accumulateGradBatches: 2,
      callbacks: [atBatch(1, () => trainer.requestPause('lunch', 'batch'))],
    });
    const result = await trainer.fit({ module: new TinyModule(), ...data() });
    expect(result).toMatchObject({ status: 'paused', reason: 'lunch' });
    expect(result.counters.batches.completed).toBe(1);
  });
});

describe('options', () => {
  it('refuse one key for two things', () => {
    expect(() => new PauseCallback({ pauseKey: 's' })).toThrow(/"s" stands for two things/);
  });
});
