import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { DeviceStats } from '../../../runtime/src/callbacks/deviceStats.ts';
import { GradientNormMonitor } from '../../../runtime/src/callbacks/gradientNormMonitor.ts';
import { Throughput } from '../../../runtime/src/callbacks/throughput.ts';
import { Timer } from '../../../runtime/src/callbacks/timer.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder } from '../trainer/tinyRun.ts';

class SaveAt implements Callback {
  readonly saving = true;
  path = '';
  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.counters.batches.completed !== 7) return;
    this.path = await context.saveCheckpoint(join(await temporaryFolder(), 'middle'));
  }
}

/** A clock that goes on by 10 ms whenever somebody looks. */
function ticking(): { now(): number } {
  let time = 0;
  return { now: () => (time += 10) };
}

async function train(options: TrainerOptions, ckptPath: string | null = null) {
  const terminal = recordingTerminal();
  const trainer = await quietTrainer(
    { maxEpochs: 2, logEveryNSteps: 1, ...options },
    { terminal, clock: ticking() },
  );
  const result = await trainer.fit({
    module: new TinyModule({ hidden: 6 }),
    trainLoader: tinyLoader(),
    valLoader: tinyLoader({ samples: 6, shuffle: false }),
    ckptPath,
  });
  const text = await readFile(join(result.runDir, 'metrics.jsonl'), 'utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; values: Record<string, number> });
  return { result, rows, lines: terminal.lines };
}

describe('GradientNormMonitor', () => {
  it.each([
    ['cpu', null],
    ['ort', 'reduce-overhead'],
  ] as const)(
    'gives unclipped norms that fit together on %s, compile %s',
    async (accelerator, compile) => {
      const seen: number[] = [];
      const watch: Callback = {
        onTrainBatchEnd: ({ gradientNorm }) => void seen.push(gradientNorm ?? NaN),
      };
      const { rows, result, lines } = await train({
        accelerator,
        compile,
        maxEpochs: 6,
        gradientClipVal: 0.8,
        callbacks: [new GradientNormMonitor(), watch],
      });
      const norms = rows.filter(({ values }) => 'grad_norm/total' in values);
      expect(norms).toHaveLength(30);
      norms.forEach(({ values }, index) => {
        const parts = ['weight', 'bias', 'head'].map((name) => values[`grad_norm/${name}`]);
        expect(Math.hypot(...parts)).toBeCloseTo(values['grad_norm/total'], 6);
        expect(values['grad_norm/total']).toBeCloseTo(seen[index], 5);
        expect(values['grad_norm/clipped']).toBe(Number(seen[index] > 0.8));
      });
      const clipped = seen.filter((norm) => norm > 0.8).length;
      expect(clipped).toBeGreaterThan(0);
      expect(clipped).toBeLessThan(30);
      const share = ((100 * clipped) / 30).toFixed(1);
      expect(lines).toContainEqual(expect.stringContaining(`clipped in ${share}% of 30 updates`));
      if (compile !== null) expect(result.engine.replays).toBeGreaterThan(10);
    },
  );

  it('adds every parameter to all modules that it is in', async () => {
    class Nested extends TinyModule {
      readonly encoder = {
        first: new TinyModule({ seed: 4 }),
        second: new TinyModule({ seed: 5 }),
      };
      override forward(input: unknown): tf.Tensor2D {
        const { first, second } = this.encoder;
        const outputs = [super.forward(input), first.forward(input), second.forward(input)];
        return tf.addN(outputs);
      }
    }
    const run = async (monitor: GradientNormMonitor) => {
      const trainer = await quietTrainer({ maxSteps: 1, logEveryNSteps: 1, callbacks: [monitor] });
      const { metrics } = await trainer.fit({ module: new Nested(), trainLoader: tinyLoader() });
      return metrics;
    };
    const metrics = await run(new GradientNormMonitor());
    const of = (name: string) => metrics[`grad_norm/${name}`];
    expect(Math.hypot(of('encoder.first'), of('encoder.second'))).toBeCloseTo(of('encoder'), 6);
    expect(of('encoder.first.weight')).toBeUndefined();
    const top = await run(new GradientNormMonitor({ depth: 1, parameters: true }));
    expect(top['grad_norm/encoder.first']).toBeUndefined();
    expect(top['grad_norm/encoder.first.weight']).toBeGreaterThan(0);
  });

  it('goes on exactly after a resume', async () => {
    const options = { gradientClipVal: 0.8, logEveryNSteps: 3 };
    const save = new SaveAt();
    const whole = await train({ ...options, callbacks: [new GradientNormMonitor(), save] });
    const resumed = await train({ ...options, callbacks: [new GradientNormMonitor()] }, save.path);
    expect(resumed.result.metrics).toEqual(whole.result.metrics);
    const last = (lines: readonly string[]) => lines.filter((line) => line.startsWith('Gradients'));
    expect(last(resumed.lines)).toEqual(last(whole.lines));
    expect(last(whole.lines)).toHaveLength(1);
  });
});

describe('Timer', () => {
  it('ends training when its time is over and measures stages', async () => {
    const timer = new Timer({ duration: '1 s' });
    const { result, lines } = await train({ maxEpochs: 1000, callbacks: [timer] });
    expect(result.reason).toBe('Timer: 1 s of training are over');
    expect(timer.timeElapsed()).toBeGreaterThanOrEqual(1);
    expect(timer.timeElapsed()).toBeLessThan(2);
    expect(timer.timeElapsed('validate')).toBeGreaterThan(0);
    expect(timer.timeElapsed('validate')).toBeLessThan(timer.timeElapsed());
    expect(timer.timeRemaining()).toBe(0);
    expect(lines).toContainEqual(expect.stringMatching(/^Timer: train \d\.\d s, validate/));
  });

  it('counts the time before a resume', async () => {
    const save = new SaveAt();
    const first = new Timer();
    await train({ callbacks: [first, save] });
    const second = new Timer({ duration: '1 h' });
    await train({ callbacks: [second] }, save.path);
    expect(second.timeElapsed('validate')).toBeGreaterThan(first.timeElapsed('validate') * 0.9);
  });

  it('refuses a duration that is no time', () => {
    expect(() => new Timer({ duration: '3 epochs' })).toThrow(/set max_steps or max_epochs/);
  });
});

describe('Throughput and DeviceStats', () => {
  it('log rates, shares of time that add up to 100, and what is held', async () => {
    const throughput = new Throughput({ warmUp: 2 });
    const { rows } = await train({ maxEpochs: 3, callbacks: [throughput, new DeviceStats()] });
    const measured = rows.filter(({ values }) => 'throughput/samples_per_second' in values);
    expect(measured.map(({ step }) => step)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    for (const { values } of measured) {
      const shares = Object.keys(values).filter((key) => key.startsWith('time/'));
      expect(shares).toHaveLength(6);
      expect(shares.reduce((sum, key) => sum + values[key], 0)).toBeCloseTo(100, 6);
      expect(values['throughput/samples_per_second']).toBeCloseTo(
        4 * values['throughput/updates_per_second'],
        6,
      );
      expect(values['device/heap_mb']).toBeGreaterThan(1);
    }
    expect(measured[3].values['time/validation']).toBeGreaterThan(0);
    const tensors = new Set(measured.map(({ values }) => values['device/tensors']));
    expect(tensors.size).toBe(1);
    expect(throughput.samplesPerSecond).toBeGreaterThan(0);
  });

  it('keep totals over a resume', async () => {
    const save = new SaveAt();
    await train({ callbacks: [new Throughput({ warmUp: 0 }), save] });
    const resumed = new Throughput({ warmUp: 1000 });
    await train({ callbacks: [resumed] }, save.path);
    expect(resumed.samplesPerSecond).toBeGreaterThan(0);
  });
});
