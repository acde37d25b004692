import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { breathe } from '../../../runtime/src/trainer/loops/breathe.ts';
import { ForcedInterrupt, StopRequests } from '../../../runtime/src/trainer/stopRequests.ts';
import { fakeSignals, quietTrainer } from './tinyRun.ts';

/** What `breathe` looks at of a run. */
function fakeRun({ busy = false } = {}) {
  return { requests: new StopRequests(), saver: { busy }, breathedAt: performance.now() };
}

const breatheIn = (run: ReturnType<typeof fakeRun>) => breathe(run as never);

/** Computes without a turn of the event loop. */
function compute(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a turn of the event loop between two batches', () => {
  it('is not taken after quick ones', () => {
    expect(breatheIn(fakeRun())).toBeUndefined();
  });

  it('is due after 50 ms of computing, and then not again', async () => {
    const run = fakeRun();
    run.breathedAt -= 60;
    let served = false;
    setImmediate(() => (served = true));
    const turn = breatheIn(run);
    expect(turn).toBeInstanceOf(Promise);
    await turn;
    expect(served).toBe(true);
    expect(performance.now() - run.breathedAt).toBeLessThan(50);
  });

  it('is due after each batch while a checkpoint is being written', async () => {
    const run = fakeRun({ busy: true });
    for (let batch = 0; batch < 3; batch++) {
      const turn = breatheIn(run);
      expect(turn).toBeInstanceOf(Promise);
      await turn;
    }
  });

  it('throws what a second signal asked for, at once or in the turn it came in', async () => {
    const run = fakeRun();
    run.breathedAt -= 60;
    setImmediate(() => (run.requests.forced = new ForcedInterrupt('SIGINT')));
    await expect(breatheIn(run)).rejects.toThrow(/SIGINT came twice/);
    expect(() => breatheIn(run)).toThrow(/SIGINT came twice/);
  });
});

describe('a run that never waits for its data', () => {
  it('serves timers and signals while it computes', async () => {
    const signals = fakeSignals();
    const busy: Callback = {
      onTrainBatchEnd: () => {
        compute(10);
      },
    };
    const trainer = await quietTrainer(
      { maxEpochs: 100_000, callbacks: [busy] },
      { signals, resumeHint: () => '' },
    );
    const module = new TinyModule();
    const running = trainer.fit({ module, trainLoader: tinyLoader() });
    await sleep(100);
    signals.send('SIGTERM');
    expect(await running).toMatchObject({ status: 'interrupted', reason: 'SIGTERM' });
  });
});
