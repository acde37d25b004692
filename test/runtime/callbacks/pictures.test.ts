import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PNG } from 'pngjs';
import { ImageVisualizer } from '../../../runtime/src/callbacks/imageVisualizer.ts';
import { encodePng } from '../../../runtime/src/callbacks/media/encodePng.ts';
import { PredictionDiagnostics } from '../../../runtime/src/callbacks/predictionDiagnostics.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import type { Loader } from '../../../runtime/src/core/loader.ts';
import type { Logger, MediaItem } from '../../../runtime/src/core/logger.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { TrainModule } from '../../../runtime/src/core/trainModule.ts';
import { AdamW, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { Rng } from '../../../runtime/src/random/index.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, recordingTerminal, temporaryFolder } from '../trainer/tinyRun.ts';

describe('encodePng', () => {
  it.each([1, 3, 4])('is read back by another decoder, %i channels', (channels) => {
    const [width, height] = [5, 3];
    const rng = Rng.fromSeed(channels);
    const data = Uint8Array.from({ length: width * height * channels }, () => rng.int(256));
    const png = PNG.sync.read(encodePng({ width, height, channels, data }));
    expect([png.width, png.height]).toEqual([width, height]);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const own = [...data.subarray(pixel * channels, (pixel + 1) * channels)];
      const rgba = own.length === 1 ? [own[0], own[0], own[0], 255] : [...own, 255].slice(0, 4);
      expect([...png.data.subarray(pixel * 4, pixel * 4 + 4)]).toEqual(rgba);
    }
  });
});

/** Images `x [n, 2, 3, 1]`; every pixel of sample i is i / 20. */
function imageLoader(samples: number): Loader {
  const plain = tinyLoader({ samples, shuffle: false, inputs: 1 });
  return {
    ...plain,
    async *iterate(t) {
      let first = t % samples;
      for await (const { size } of plain.iterate(t)) {
        const data = Float32Array.from({ length: size * 6 }, (_, at) => {
          return (first + Math.floor(at / 6)) / 20;
        });
        first += size;
        yield { size, data: { x: { data, shape: [size, 2, 3, 1], dtype: 'float32' } } };
      }
    },
  };
}

class Halver extends TrainModule {
  readonly scale = tf.variable(tf.scalar(0.5));
  override forward(input: unknown): tf.Tensor {
    return tf.mul((input as { x: tf.Tensor4D }).x, this.scale);
  }
  override trainingStep(batch: unknown): tf.Scalar {
    return tf.mean(tf.square(this.forward(batch)));
  }
  override validationStep(batch: unknown): unknown {
    this.log('loss', 1);
    return { made: this.forward(batch) };
  }
  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new AdamW({ lr: 0 }) };
  }
}

class SaveAt implements Callback {
  readonly saving = true;
  path = '';
  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.counters.batches.completed !== 6) return;
    this.path = await context.saveCheckpoint(join(await temporaryFolder(), 'middle'));
  }
}

async function draw(options: TrainerOptions, ckptPath: string | null = null) {
  const media: MediaItem[] = [];
  const logger: Logger = {
    name: 'media',
    start: () => undefined,
    logMetrics: () => undefined,
    logHyperparameters: () => undefined,
    logMedia: (item) => void media.push(item),
    flush: () => Promise.resolve(),
    finish: () => Promise.resolve(),
  };
  const trainer = await quietTrainer({
    maxEpochs: 2,
    valCheckInterval: '2 updates',
    logger,
    ...options,
  });
  const { runDir } = await trainer.fit({
    module: new Halver(),
    trainLoader: imageLoader(20),
    valLoader: imageLoader(7),
    ckptPath,
  });
  return { media, runDir };
}

async function pixels(path: string): Promise<{ width: number; height: number; gray: number[] }> {
  const { width, height, data } = PNG.sync.read(await readFile(path));
  return { width, height, gray: [...data].filter((_, at) => at % 4 === 0) };
}

describe('ImageVisualizer', () => {
  const visualizer = () => new ImageVisualizer({ logEveryNValidations: 3, samples: 3, nrow: 2 });

  it('draws every n-th validation, without the sanity check, and tells the loggers', async () => {
    const { media, runDir } = await draw({ callbacks: [visualizer()] });
    const names = ['train_inputs', 'val_inputs', 'val_reconstruction'];
    expect(media.map(({ key, step }) => [key, step])).toEqual(
      [2, 8].flatMap((step) => names.map((name) => [`media/${name}/x`, step])),
    );
    expect(await readdir(join(runDir, 'media/val_inputs/x'))).toEqual(['step=2.png', 'step=8.png']);
  });

  it('puts images in a grid and reconstructions beside inputs', async () => {
    const { runDir } = await draw({ callbacks: [visualizer()] });
    const grid = await pixels(join(runDir, 'media/val_inputs/x/step=2.png'));
    expect([grid.width, grid.height]).toEqual([2 * 3 + 3 * 2, 2 * 2 + 3 * 2]);
    const at = (x: number, y: number, from = grid): number => from.gray[y * from.width + x];
    expect([at(0, 0), at(2, 2), at(7, 2), at(2, 6), at(7, 6)]).toEqual([0, 0, 13, 26, 0]);
    const pairs = await pixels(join(runDir, 'media/val_reconstruction/x/step=2.png'));
    expect([at(7, 2, pairs), at(12, 2, pairs), at(17, 2, pairs)]).toEqual([0, 13, 6]);
  });

  it('draws the same after a resume', async () => {
    const save = new SaveAt();
    const whole = await draw({ callbacks: [visualizer(), save] });
    const resumed = await draw({ callbacks: [visualizer()] }, save.path);
    expect(resumed.media.map(({ step }) => step)).toEqual([8, 8, 8]);
    for (const { key } of resumed.media) {
      const [one, other] = await Promise.all(
        [whole, resumed].map(({ runDir }) => readFile(join(runDir, key, 'step=8.png'))),
      );
      expect(one.equals(other)).toBe(true);
    }
  });

  it('writes nothing in a dev run and names the fields when it finds no images', async () => {
    expect((await draw({ callbacks: [visualizer()], fastDevRun: true })).media).toEqual([]);
    const wrong = draw({ callbacks: [new ImageVisualizer({ field: 'image' })] });
    await expect(wrong).rejects.toThrow(/ImageVisualizer \(field: "image"\).*x \[4, 2, 3, 1\]/);
  });
});

class Answering extends TinyModule {
  readonly same: boolean;
  constructor(same: boolean) {
    super();
    this.same = same;
  }
  override validationStep(batch: unknown): unknown {
    super.validationStep(batch);
    const { y } = batch as { y: tf.Tensor2D };
    return this.same ? tf.onesLike(y) : { y };
  }
}

describe('PredictionDiagnostics', () => {
  const run = async (module: TinyModule, diagnostics: PredictionDiagnostics) => {
    const terminal = recordingTerminal();
    const options = { maxEpochs: 2, numSanityValSteps: 0, callbacks: [diagnostics] };
    const trainer = await quietTrainer(options, { terminal });
    const valLoader = tinyLoader({ samples: 6, shuffle: false });
    const { metrics, reason } = await trainer.fit({ module, trainLoader: tinyLoader(), valLoader });
    return { metrics, reason, warnings: terminal.lines.filter((line) => line.includes('Warning')) };
  };

  it('logs mean, deviation and variance over samples of what the step returns', async () => {
    const values: number[] = [];
    for await (const { data } of tinyLoader({ samples: 6, shuffle: false }).iterate(0)) {
      values.push(...(data as unknown as { y: { data: Float32Array } }).y.data);
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / 6;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const { metrics, warnings } = await run(new Answering(false), new PredictionDiagnostics());
    expect(metrics['val/y_pred_mean']).toBeCloseTo(mean, 6);
    expect(metrics['val/y_pred_std']).toBeCloseTo(Math.sqrt(squares / 6), 6);
    expect(metrics['val/y_pred_batch_var']).toBeCloseTo(squares / 5, 6);
    expect(warnings).toEqual([]);
  });

  it('warns once of a model that says the same to everything, or stops', async () => {
    const warned = await run(new Answering(true), new PredictionDiagnostics());
    expect(warned.warnings).toEqual([expect.stringContaining('update 5: val/pred: the outputs')]);
    const stopped = await run(
      new Answering(true),
      new PredictionDiagnostics({ onCollapse: 'stop' }),
    );
    expect(stopped.reason).toContain('val/pred: the outputs are the same');
  });

  it('predicts itself when the step returns nothing', async () => {
    const { metrics } = await run(new TinyModule(), new PredictionDiagnostics());
    expect(metrics['val/pred_std']).toBeGreaterThan(0);
  });
});
