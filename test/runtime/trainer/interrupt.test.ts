import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { Loader } from '../../../runtime/src/core/loader.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import {
  fakeSignals,
  quietTrainer,
  recordingTerminal,
  temporaryFolder,
  weightBits,
} from './tinyRun.ts';

const data = () => ({ trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 12 }) });

async function bitsOfWholeRun(options: TrainerOptions): Promise<number[]> {
  const module = new TinyModule();
  const trainer = await quietTrainer(options);
  await trainer.fit({ module, ...data() });
  return weightBits(module);
}

describe('signals', () => {
  it('finish the update, save, say how to resume, and leave no listeners', async () => {
    const signals = fakeSignals();
    const terminal = recordingTerminal();
    const send: Callback = {
      onTrainBatchEnd: ({ counters }) => {
        if (counters.batches.completed === 3) signals.send('SIGTERM');
      },
    };
    const options = {
      maxEpochs: 3,
      accumulateGradBatches: 3,
      defaultRootDir: await temporaryFolder(),
    };
    const trainer = await quietTrainer(
      { ...options, callbacks: [send] },
      { signals, terminal, resumeHint: (path) => `go on ${path}` },
    );
    const result = await trainer.fit({ module: new TinyModule(), ...data() });
    expect(result).toMatchObject({ status: 'interrupted', exitCode: 143, reason: 'SIGTERM' });
    // The fourth batch would begin a group: its update (batches 4, 5 of the epoch) is finished.
    expect(result.counters.batches.completed).toBe(5);
    const path = result.lastCheckpoint ?? '';
    expect(path).toMatch(/checkpoints\/interrupt-step=2\.safetensors$/);
    expect(terminal.lines).toContain(`Resume with: go on ${path}`);
    expect(signals.count()).toBe(0);
    const module = new TinyModule();
    const second = await quietTrainer(options);
    const resumed = await second.fit({ module, ...data(), ckptPath: path });
    expect(resumed.status).toBe('finished');
    expect(resumed.runDir).toBe(result.runDir);
    expect(weightBits(module)).toEqual(await bitsOfWholeRun(options));
    const record = JSON.parse(await readFile(join(result.runDir, 'run.json'), 'utf8')) as {
      sessions: { status: string }[];
    };
    expect(record.sessions.map(({ status }) => status)).toEqual(['interrupted', 'finished']);
  });

  it('give up a validation under way, which the resumed run repeats', async () => {
    const signals = fakeSignals();
    const send: Callback = { onValidationBatchEnd: () => signals.send('SIGINT') };
    const options = { maxEpochs: 2, numSanityValSteps: 0, defaultRootDir: await temporaryFolder() };
    const trainer = await quietTrainer({ ...options, callbacks: [send] }, { signals });
    const result = await trainer.fit({ module: new TinyModule(), ...data() });
    expect(result.exitCode).toBe(130);
    expect(result.counters.validations.completed).toBe(0);
    const module = new TinyModule();
    const resumed = await (
      await quietTrainer(options)
    ).fit({ module, ...data(), ckptPath: result.lastCheckpoint });
    expect(resumed.counters.validations.completed).toBe(2);
    expect(weightBits(module)).toEqual(await bitsOfWholeRun(options));
  });

  it('end at once the second time, even while the loader hangs', async () => {
    const signals = fakeSignals();
    const inner = tinyLoader();
    const hanging: Loader = {
      ...inner,
      async *iterate(t) {
        for await (const batch of inner.iterate(t)) {
          yield batch;
          signals.send('SIGINT');
          setTimeout(() => signals.send('SIGINT'), 5);
          await new Promise(() => undefined);
        }
      },
    };
    const trainer = await quietTrainer({ maxEpochs: 2, accumulateGradBatches: 2 }, { signals });
    const result = await trainer.fit({ module: new TinyModule(), trainLoader: hanging });
    expect(result).toMatchObject({ status: 'interrupted', exitCode: 130, lastCheckpoint: null });
  });

  it('stop evaluation', async () => {
    const signals = fakeSignals();
    const send: Callback = { onTestBatchEnd: () => signals.send('SIGINT') };
    const trainer = await quietTrainer({ callbacks: [send] }, { signals });
    const result = await trainer.test({ module: new TinyModule(), loader: tinyLoader() });
    expect(result).toMatchObject({ status: 'interrupted', exitCode: 130, metrics: {} });
  });
});

describe('a pause', () => {
  it('can be asked for by a callback', async () => {
    const pause: Callback = {
      onTrainBatchEnd: (context) => {
        if (context.globalStep === 2) context.requestPause('lunch');
      },
    };
    const trainer = await quietTrainer({ maxEpochs: 2, callbacks: [pause] });
    const result = await trainer.fit({ module: new TinyModule(), ...data() });
    expect(result).toMatchObject({ status: 'paused', reason: 'lunch', exitCode: 0 });
    expect(existsSync(result.lastCheckpoint ?? '')).toBe(true);
  });
});

describe('a real process', () => {
  it('saves on SIGINT and ends with 130', async () => {
    const root = await temporaryFolder();
    const script = join(import.meta.dirname, 'trainForever.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', script, root], { stdio: 'pipe' });
    let output = '';
    let sent = false;
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!sent && output.includes('update 3')) {
        sent = true;
        child.kill('SIGINT');
      }
    });
    const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
    expect(output).toContain('SIGINT: finishing this update');
    expect(code).toBe(130);
    const saved = /^Saved (.*)$/m.exec(output)?.[1] ?? '';
    expect(existsSync(saved)).toBe(true);
  });
});
