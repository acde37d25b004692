import { describe, expect, it } from '@jest/globals';
import { CompileCallback } from '../../../runtime/src/callbacks/compile.ts';
import { drawBar, formatClock, formatMetric } from '../../../runtime/src/callbacks/barText.ts';
import { LearningRateMonitor } from '../../../runtime/src/callbacks/learningRateMonitor.ts';
import { ModelSummary, summarize } from '../../../runtime/src/callbacks/modelSummary.ts';
import { ProgressBar } from '../../../runtime/src/callbacks/progressBar.ts';
import { RateMeter } from '../../../runtime/src/callbacks/rateMeter.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { MetricsRow } from '../../../runtime/src/core/logger.ts';
import { AdamW, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { Linear } from '../../../runtime/src/core/schedulers/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer, recordingTerminal } from '../trainer/tinyRun.ts';

describe('LearningRateMonitor', () => {
  class Scheduled extends TinyModule {
    override configureOptimizers(): OptimizerConfig {
      const groups = [{ name: 'head', match: ['head'], lr: 0.01 }];
      return {
        optimizer: new AdamW({ lr: 0.1, groups }),
        scheduler: new Linear({ startFactor: 1, endFactor: 0 }),
      };
    }
  }

  async function rates(callback: Callback): Promise<MetricsRow[]> {
    const rows: MetricsRow[] = [];
    const logger = {
      name: 'memory',
      start: () => undefined,
      logMetrics: (row: MetricsRow) => void rows.push(row),
      logHyperparameters: () => undefined,
      flush: () => Promise.resolve(),
      finish: () => Promise.resolve(),
    };
    const trainer = await quietTrainer({
      maxEpochs: 2,
      accumulateGradBatches: 2,
      logEveryNSteps: 1,
      logger,
      callbacks: [callback],
    });
    const trainLoader = tinyLoader({ samples: 16 });
    await trainer.fit({ module: new Scheduled(), trainLoader });
    return rows.filter(({ values }) => 'lr/AdamW/head' in values);
  }

  it('logs the rate of each update beside its loss, by optimizer and group', async () => {
    const rows = await rates(new LearningRateMonitor({ logWeightDecay: true }));
    expect(rows.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    const { values } = rows[0];
    expect(values['lr/AdamW/default']).toBeCloseTo(0.1, 6);
    expect(values['lr/AdamW/head']).toBeCloseTo(0.01, 6);
    expect(values['weight_decay/AdamW/head']).toBeCloseTo(0.01, 6);
    expect(values['train/loss_step']).toBeGreaterThan(0);
    const logged = rows.map((row) => row.values['lr/AdamW/default']);
    expect(logged).toEqual(logged.toSorted((a, b) => b - a));
    expect(logged[3]).toBeLessThan(0.05);
  });

  it('logs once an epoch on request', async () => {
    const rows = await rates(new LearningRateMonitor({ loggingInterval: 'epoch' }));
    expect(rows.map(({ step }) => step)).toEqual([2, 4]);
  });
});

describe('ModelSummary', () => {
  it('prints layers, weights and shapes', async () => {
    const terminal = recordingTerminal();
    const trainer = await quietTrainer(
      { maxSteps: 1, callbacks: [new ModelSummary()] },
      { terminal },
    );
    await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    const at = terminal.lines.indexOf('TinyModule');
    expect(terminal.lines.slice(at, at + 7)).toEqual([
      'TinyModule',
      '  name    type      shapes  weights  trainable',
      '  weight  Variable  3x4          12  yes',
      '  bias    Variable  4             4  yes',
      '  head    Variable  4x1           4  yes',
      '  input [1, 3] -> output [1, 1]',
      '  20 weights, 20 trainable, 0.00 MB',
    ]);
  });
});

describe('the table of layers', () => {
  class Encoder extends TinyModule {
    readonly net = tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 2, kernelSize: 3 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3, trainable: false }),
      ],
    });
    readonly scale = tf.variable(tf.scalar(1));
    override forward(input: unknown): tf.Tensor2D {
      return super.forward(tf.mul(this.net.apply(input as tf.Tensor) as tf.Tensor, this.scale));
    }
    override exampleInput(): tf.Tensor {
      return tf.zeros([1, 8, 8, 1]);
    }
  }
  class Whole extends TinyModule {
    readonly encoder = new Encoder();
    readonly unused = tf.layers.dropout({ rate: 0.1 });
    override forward(input: unknown): tf.Tensor2D {
      return this.encoder.forward(input);
    }
    override exampleInput(): tf.Tensor {
      return this.encoder.exampleInput();
    }
  }

  it('has the shapes that go in and out, also of layers without weights', () => {
    const module = new Whole();
    const before = tf.memory().numTensors;
    const lines = summarize(module);
    expect(tf.memory().numTensors).toBe(before);
    expect(lines).toEqual([
      'Whole',
      '  name            type      shapes     weights  trainable  in            out',
      '  weight          Variable  3x4             12  yes',
      '  bias            Variable  4                4  yes',
      '  head            Variable  4x1              4  yes',
      '  encoder         Encoder                                  [1, 8, 8, 1]  [1, 1]',
      '  encoder.weight  Variable  3x4             12  yes',
      '  encoder.bias    Variable  4                4  yes',
      '  encoder.head    Variable  4x1              4  yes',
      '  encoder.net.0   Conv2D    3x3x1x2 2       20  yes        [1, 8, 8, 1]  [1, 6, 6, 2]',
      '  encoder.net.1   Flatten                    0             [1, 6, 6, 2]  [1, 72]',
      '  encoder.net.2   Dense     72x3 3         219  no         [1, 72]       [1, 3]',
      '  encoder.scale   Variable  scalar           1  yes',
      '  input [1, 8, 8, 1] -> output [1, 1]',
      '  280 weights, 61 trainable, 0.00 MB',
    ]);
    // Nothing is left behind on the layers.
    expect(Object.hasOwn(module.encoder, 'forward')).toBe(false);
    expect(module.encoder.net.layers.some((layer) => Object.hasOwn(layer, 'apply'))).toBe(false);
  });

  it('leaves nothing behind when the example does not fit', () => {
    const module = new Whole();
    module.encoder.exampleInput = () => tf.zeros([1, 7]);
    expect(() => summarize(module)).toThrow();
    expect(Object.hasOwn(module.encoder, 'forward')).toBe(false);
  });
});

describe('ProgressBar', () => {
  const data = { trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 12 }) };

  it('draws live lines in a terminal, at most ten a second', async () => {
    let now = 0;
    const terminal = recordingTerminal({ isTTY: true, columns: 120 });
    const slow: Callback = { onTrainBatchStart: () => void (now += 40) };
    const options = { maxEpochs: 4, callbacks: [slow, new ProgressBar()] };
    const trainer = await quietTrainer(options, { terminal, clock: { now: () => now } });
    await trainer.fit({ module: new TinyModule(), ...data });
    // 20 batches of 40 ms: at most 8 by the clock, and those at the ends of validations and epochs.
    expect(terminal.frames.length).toBeGreaterThan(8);
    expect(terminal.frames.length).toBeLessThanOrEqual(8 + 2 * 4 + 1);
    expect(terminal.frames.flat()).toContainEqual(
      expect.stringMatching(/^Epoch 2\/4 {2} *\d+% [█░]{30} \d\/5 {2}25 it\/s {2}.*train\/loss/),
    );
    expect(terminal.lines.filter((line) => line.startsWith('Epoch'))).toHaveLength(4);
  });

  it('prints plain lines without a terminal: each epoch, and every ten seconds', async () => {
    let now = 0;
    const terminal = recordingTerminal();
    const slow: Callback = { onTrainBatchStart: () => void (now += 4000) };
    const trainer = await quietTrainer(
      { maxEpochs: 2, callbacks: [slow, new ProgressBar()] },
      { terminal, clock: { now: () => now } },
    );
    await trainer.fit({ module: new TinyModule(), ...data });
    expect(terminal.frames).toEqual([]);
    const epochs = terminal.lines.filter((line) => line.startsWith('Epoch'));
    expect(epochs.map((line) => line.slice(0, 21).trim())).toEqual([
      'Epoch 1/2   60% 3/5',
      'Epoch 1/2  100% 5/5',
      'Epoch 2/2   60% 3/5',
      'Epoch 2/2  100% 5/5',
    ]);
  });

  it('prints a short test once', async () => {
    const terminal = recordingTerminal();
    const clock = { now: () => 1e9 };
    const trainer = await quietTrainer({ callbacks: [new ProgressBar()] }, { terminal, clock });
    await trainer.test({ module: new TinyModule(), loader: tinyLoader() });
    expect(terminal.lines.filter((line) => line.startsWith('Test '))).toHaveLength(1);
  });

  it('formats', () => {
    expect(drawBar(1, 4, { width: 8 })).toBe(' 25% ██░░░░░░ 1/4');
    expect(drawBar(7, null, { width: 8 })).toBe('7 batches');
    expect([formatClock(7), formatClock(3671)]).toEqual(['00:07', '1:01:11']);
    expect([0.123456, 0.00001234, 123456, Number.NaN].map(formatMetric)).toEqual([
      '0.1235',
      '1.23e-5',
      '1.23e+5',
      'NaN',
    ]);
  });

  it('measures speed without the pauses', () => {
    const meter = new RateMeter();
    meter.count(0, 0);
    for (let second = 1; second <= 5; second++) meter.count(second * 1000, 1);
    expect(meter.perSecond).toBeCloseTo(1, 6);
    meter.pause(100_000);
    meter.count(101_000, 1);
    expect(meter.perSecond).toBeCloseTo(1, 6);
  });
});

describe('CompileCallback', () => {
  it('reports what the engine compiled', async () => {
    const terminal = recordingTerminal();
    const trainer = await quietTrainer(
      { maxEpochs: 2, accelerator: 'ort', callbacks: [new CompileCallback()] },
      { terminal },
    );
    const { engine } = await trainer.fit({
      module: new TinyModule({ hidden: 5 }),
      trainLoader: tinyLoader(),
    });
    const line = terminal.lines.find((text) => text.startsWith('compile: ')) ?? '';
    expect(line).toContain(`${String(engine.compilations)} graphs compiled`);
    expect(engine.runs).toBeGreaterThanOrEqual(10);
    expect(line).toContain('no fallback kernels');
  });

  it('counts what was replayed', async () => {
    const terminal = recordingTerminal();
    const trainer = await quietTrainer(
      { maxSteps: 10, accelerator: 'ort', compile: 'reduce-overhead' },
      { terminal },
    );
    await trainer.fit({ module: new TinyModule({ hidden: 5 }), trainLoader: tinyLoader() });
    expect(terminal.lines.join('\n')).toContain(', 7 steps replayed,');
  });

  it('is silent when it is not enabled', async () => {
    const terminal = recordingTerminal();
    const compile = new CompileCallback({ enabled: false });
    const trainer = await quietTrainer(
      { maxSteps: 10, accelerator: 'ort', callbacks: [compile] },
      { terminal },
    );
    const { engine } = await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    expect(engine.replays).toBe(0);
    expect(terminal.lines.join('\n')).not.toContain('compile:');
  });

  it('refuses modes that it does not know', () => {
    expect(() => new CompileCallback({ mode: 'fast' as 'default' })).toThrow(
      /expected one of.*default/,
    );
  });
});
