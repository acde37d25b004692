import { describe, expect, it } from '@jest/globals';
import { drawBar } from '../../../runtime/src/callbacks/barText.ts';
import { FlowProgressBarCallback } from '../../../runtime/src/callbacks/flowProgressBar.ts';
import type { FlowProgressBarOptions } from '../../../runtime/src/callbacks/flowProgressOptions.ts';
import { LearningRateMonitor } from '../../../runtime/src/callbacks/learningRateMonitor.ts';
import { nextInterval } from '../../../runtime/src/callbacks/validationInterval.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { newCounters } from '../../../runtime/src/core/counters.ts';
import type { Terminal } from '../../../runtime/src/core/ports.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { makeRunPlan } from '../../../runtime/src/trainer/plan.ts';
import { resolveTrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder } from '../trainer/tinyRun.ts';

const data = () => ({ trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 12 }) });

interface Setting {
  readonly bar?: FlowProgressBarOptions;
  readonly options?: TrainerOptions;
  readonly terminal?: Partial<Terminal>;
  /** Milliseconds of a batch. */
  readonly step?: number;
}

/** Trains on a clock that only batches move. */
async function watch({ bar, options, terminal, step = 200 }: Setting) {
  let now = 0;
  const screen = recordingTerminal({ isTTY: true, columns: 200, ...terminal });
  const slow: Callback = { onTrainBatchStart: () => void (now += step) };
  const trainer = await quietTrainer(
    {
      maxEpochs: 4,
      numSanityValSteps: 0,
      ...options,
      callbacks: [slow, ...(options?.callbacks ?? []), new FlowProgressBarCallback(bar)],
    },
    { terminal: screen, clock: { now: () => now } },
  );
  await trainer.fit({ module: new TinyModule(), ...data() });
  return screen;
}

describe('FlowProgressBarCallback', () => {
  it('shows the run in updates and the way to the next validation in batches', async () => {
    const options = { accumulateGradBatches: 2, checkValEveryNEpoch: 2 };
    const { frames, lines } = await watch({ options });
    // Epochs of 5 batches and 3 updates; a validation after every second epoch.
    const seventh = frames.find((frame) => frame[1].includes(' 7/10 batches'));
    expect(seventh?.[0]).toMatch(
      /^Run {2} 33% █{10}░{20} 4\/12 updates {2}00:01<00:03, 2\.86 it\/s/,
    );
    expect(seventh?.[1]).toMatch(
      /^To validation 1 {2} 70% █{21}░{9} 7\/10 batches {2}00:01<00:01, 5\.00 it\/s {2}.*loss/,
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^Validation 1 after update 6 {2}val\/loss=/),
    );
    expect(frames.flat()).toContainEqual(expect.stringMatching(/^To validation 2 {2} 10%/));
    expect(lines.at(-1)).toBeDefined();
    expect(lines).toContainEqual(expect.stringMatching(/^Run {2}100% 12\/12 updates/));
  });

  it('redraws at most ten times a second', async () => {
    const { frames } = await watch({ step: 30 });
    // 20 batches of 30 ms.
    expect(frames.length).toBeGreaterThan(3);
    expect(frames.length).toBeLessThanOrEqual(7);
  });

  it('redraws only every refresh_rate batches, and never at 0', async () => {
    const every = await watch({ bar: { refreshRate: 5 }, options: { limitValBatches: 0 } });
    expect(every.frames).toHaveLength(4);
    const never = await watch({ bar: { refreshRate: 0 } });
    expect(never.frames).toHaveLength(0);
    expect(never.lines.join('\n')).not.toMatch(/updates {2}\d\d:|Validation 1/);
  });

  it('chooses metrics by patterns, in their order', async () => {
    const { frames } = await watch({
      bar: {
        globalBarMetrics: ['epoch', 'step', 'lr/*'],
        intervalBarMetrics: ['val/*', 'train/*', '!*_step', 'batch_idx', 'nothing*'],
      },
      options: { callbacks: [new LearningRateMonitor()], logEveryNSteps: 1 },
    });
    const [run, interval] = frames.at(-1) ?? [];
    expect(run).toMatch(/ {2}epoch=4\/4 {2}step=20 {2}lr\/\S+=\S+$/);
    expect(interval).toMatch(/ {2}val\/loss=\S+ {2}(train\/\S+=\S+ {2})+batch_idx=4$/);
    expect(interval).not.toContain('_step');
  });

  it('prints plain lines without a terminal', async () => {
    const { frames, lines } = await watch({
      terminal: { isTTY: false },
      bar: { plainEverySeconds: 1, leave: false },
    });
    expect(frames).toHaveLength(0);
    const shown = lines.filter((line) => line.startsWith('Run  '));
    expect(shown).toHaveLength(4);
    expect(shown[0]).toMatch(
      /^Run {2} 25% 5\/20 updates .* \| To validation 1 {2}100% 5\/5 batches/,
    );
  });

  it('has no bars in a narrow terminal, and ASCII ones where blocks cannot be drawn', async () => {
    const narrow = await watch({ terminal: { columns: 60 } });
    expect(narrow.frames.flat().join()).not.toMatch(/[█░]/);
    const ascii = await watch({ terminal: { unicode: false } });
    expect(ascii.frames.flat().join()).toMatch(/ [#]+[.]+ /);
    expect(ascii.frames.flat().join()).not.toMatch(/[█░]/);
  });

  it('colours bars only in terminals with colours', async () => {
    const bar = { barColour: '#fcac17' };
    const colour = await watch({ bar, terminal: { color: true } });
    expect(colour.frames[0][0]).toContain('\u001B[38;2;252;172;23m');
    const none = await watch({ bar });
    expect(none.frames.flat().join()).not.toContain('\u001B');
  });

  it('goes on inside the interval when resumed', async () => {
    const root = await temporaryFolder();
    const pause: Callback = {
      onTrainBatchEnd: (context) => {
        if (context.counters.batches.processed === 8) context.requestPause('test');
      },
    };
    const options = { maxEpochs: 4, checkValEveryNEpoch: 2, defaultRootDir: root };
    const first = await quietTrainer({
      ...options,
      callbacks: [pause, new FlowProgressBarCallback()],
    });
    const { lastCheckpoint } = await first.fit({ module: new TinyModule(), ...data() });
    const screen = recordingTerminal({ isTTY: true, columns: 200 });
    const second = await quietTrainer(
      { ...options, callbacks: [new FlowProgressBarCallback()] },
      { terminal: screen },
    );
    await second.fit({ module: new TinyModule(), ...data(), ckptPath: lastCheckpoint });
    expect(screen.frames[0][1]).toMatch(/^To validation 1 {2} 90% \S+ 9\/10 batches/);
  });

  it('shows tests', async () => {
    const terminal = recordingTerminal();
    const callbacks = [new FlowProgressBarCallback()];
    const trainer = await quietTrainer({ callbacks }, { terminal });
    await trainer.test({ module: new TinyModule(), loader: tinyLoader() });
    expect(terminal.lines).toContainEqual(expect.stringMatching(/^Test {2}100% 5\/5 batches/));
  });

  it('costs less than 1 % of a step of ten milliseconds', () => {
    const bar = new FlowProgressBarCallback();
    let spent = 0;
    let batches = 0;
    const hook = bar.onTrainBatchEnd.bind(bar);
    bar.onTrainBatchEnd = (context, loss) => {
      const start = performance.now();
      hook({ ...context, clock: { now: () => batches * 10 } }, loss);
      spent += performance.now() - start;
      batches++;
    };
    const plan = planOf({ maxEpochs: 100 });
    const counters = { ...newCounters() };
    const context = {
      plan,
      counters,
      kind: 'fit',
      stage: 'train',
      seconds: 1,
      metrics: new Map([['train/loss', { value: 1, step: 1, stage: 'train' }]]),
      progressBarMetrics: new Set(['train/loss']),
      terminal: recordingTerminal({ isTTY: true, columns: 120 }),
      clock: { now: () => 0 },
    } as unknown as Parameters<typeof hook>[0];
    for (let batch = 0; batch < 2000; batch++) {
      counters.batches.processed++;
      counters.updates.completed++;
      bar.onTrainBatchEnd(context, 1);
    }
    expect(batches).toBe(2000);
    // The hook of 2000 batches of 10 ms.
    expect(spent).toBeLessThan(0.01 * 2000 * 10);
  });
});

function planOf(options: TrainerOptions, validates = true) {
  return makeRunPlan(resolveTrainerOptions(options), {
    batchesPerEpoch: 10,
    batchSize: 4,
    validates,
    secondsSinceValidation: () => 0,
  });
}

describe('nextInterval', () => {
  it.each([
    [{ maxEpochs: 3 }, 10, 'validation'],
    [{ maxEpochs: 3, checkValEveryNEpoch: 2 }, 20, 'validation'],
    [{ maxEpochs: 3, checkValEveryNEpoch: 5 }, 30, 'end'],
    [{ maxEpochs: 3, valCheckInterval: '3 updates', accumulateGradBatches: 2 }, 6, 'validation'],
    [{ maxEpochs: 3, valCheckInterval: '30%' }, 3, 'validation'],
    [{ maxEpochs: 3, maxSteps: 7 }, 7, 'validation'],
  ] as const)('of %j ends after batch %i: %s', (options, end, until) => {
    expect(nextInterval(planOf(options), newCounters(), 0)).toEqual({ start: 0, end, until });
  });

  it('has no end that can be told when validations come by the clock', () => {
    const plan = planOf({ maxEpochs: 3, valCheckInterval: '5 min' });
    expect(nextInterval(plan, newCounters(), 0)).toEqual({
      start: 0,
      end: null,
      until: 'validation',
    });
  });

  it('counts the validation after the batch that has just ended', () => {
    const counters = { ...newCounters(), batchesInEpoch: 10 };
    counters.batches.processed = 10;
    const plan = planOf({ maxEpochs: 3 });
    expect(nextInterval(plan, counters, 0).end).toBe(10);
    expect(nextInterval(plan, counters, 10).end).toBe(20);
  });

  it('leads to the end without validation', () => {
    const plan = planOf({ maxEpochs: 3 }, false);
    expect(nextInterval(plan, newCounters(), 0)).toEqual({ start: 0, end: 30, until: 'end' });
  });
});

describe('drawBar', () => {
  it('draws blocks, ASCII and colours', () => {
    expect(drawBar(1, 2, { width: 4, ascii: true }, 'updates')).toBe(' 50% ##.. 1/2 updates');
    expect(drawBar(1, 2, { width: 2, colour: '#010203' })).toBe(
      ' 50% \u001B[38;2;1;2;3m█░\u001B[0m 1/2',
    );
  });
});
