import { describe, expect, it } from '@jest/globals';
import { AdamW, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { probeDevice } from '../../../runtime/src/engine/devices/probe.ts';
import {
  engineCounters,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { Rng, withKeyedRandom } from '../../../runtime/src/random/index.ts';
import { tinyLoader, TinyModule, type TinyBatch } from '../../../runtime/src/testing/index.ts';
import { quietTrainer } from '../trainer/tinyRun.ts';
import { difference, distinct } from './compare.ts';

// Software adapters compile a graph in seconds, so this is for `npm run test:full`, which names
// SwiftShader as the Vulkan driver where Debian's package chromium-common brought it.
const refusal =
  process.env.LIGHTBOX_TEST_FULL === undefined
    ? 'runs with npm run test:full'
    : probeDevice('webgpu');
const onDevice = refusal === null ? describe : describe.skip;

const CLASSES = 5;
const BATCH = 8;
const STEPS = 8;

const models: Record<string, () => tf.Sequential> = {
  MLP: () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ units: 32, inputShape: [12, 12], activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: CLASSES, activation: 'softmax' }),
      ],
    }),
  CNN: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({
          filters: 16,
          kernelSize: 3,
          padding: 'same',
          activation: 'relu',
          inputShape: [12, 12, 1],
        }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 32, kernelSize: 3, strides: 2, useBias: false }),
        tf.layers.batchNormalization({}),
        tf.layers.reLU({}),
        tf.layers.globalAveragePooling2d({}),
        tf.layers.dense({ units: CLASSES, activation: 'softmax' }),
      ],
    }),
};

/** What ONNX Runtime 1.30 gets wrong on WebGPU when it is asked plainly. */
const traps: Record<string, () => tf.Tensor> = {
  'a padded convolution with a filter as large as the image': () =>
    tf.conv2d(
      distinct([1, 2, 2, 1], 1) as tf.Tensor4D,
      distinct([2, 2, 1, 1], 2) as tf.Tensor4D,
      1,
      'same',
    ),
  'the input gradient of several filters a channel': () => {
    const filter = distinct([3, 3, 4, 2], 1) as tf.Tensor4D;
    const output = (x: tf.Tensor) =>
      tf.square(tf.depthwiseConv2d(x as tf.Tensor4D, filter, 2, 'valid'));
    return tf.grad((x) => tf.sum(output(x)))(distinct([2, 8, 8, 4], 2));
  },
  'a slice that runs backwards from the middle': () =>
    tf.stridedSlice(distinct([6, 5], 1), [3, -2], [0, -5], [-2, -1]),
};

/**
 * Losses of some steps, then the weights and a prediction. Momentum, not Adam, which would scale
 * up the rounding of gradients that are nearly zero.
 */
async function train(accelerator: string, build: () => tf.Sequential) {
  await selectBackend({ accelerator });
  const model = withKeyedRandom(Rng.fromSeed(3), build);
  model.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: 'categoricalCrossentropy' });
  const [, ...shape] = model.inputs[0].shape as number[];
  const x = distinct([BATCH, ...shape], 4);
  const classes = Array.from({ length: BATCH }, (_, index) => index % CLASSES);
  const y = tf.oneHot(tf.tensor1d(classes, 'int32'), CLASSES);
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) losses.push((await model.trainOnBatch(x, y)) as number);
  const weights = model.getWeights().flatMap((weight) => [...weight.dataSync()]);
  const prediction = [...(model.predict(x) as tf.Tensor).dataSync()];
  return { losses, weights, prediction };
}

/** Dropout, a clipped and accumulated AdamW: what the trainer adds around the graphs. */
class Dropped extends TinyModule {
  readonly net = withKeyedRandom(Rng.fromSeed(7), () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ units: 8, inputShape: [3], activation: 'tanh' }),
        tf.layers.dropout({ rate: 0.3 }),
        tf.layers.dense({ units: 1 }),
      ],
    }),
  );

  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as TinyBatch;
    const output = this.net.apply(x, { training: this.training }) as tf.Tensor2D;
    return tf.mean(tf.square(tf.sub(tf.add(output, this.forward(batch)), y)));
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new AdamW({ lr: 0.01 }) };
  }
}

async function fit(accelerator: string) {
  await selectBackend({ accelerator, threads: 1 });
  const module = new Dropped();
  const trainer = await quietTrainer({
    accelerator,
    threads: 1,
    maxSteps: 40,
    accumulateGradBatches: 2,
    gradientClipVal: 0.5,
    compile: 'reduce-overhead',
  });
  const result = await trainer.fit({ module, trainLoader: tinyLoader({ samples: 80 }) });
  const weights = module.parameters().flatMap(({ variable }) => [...variable.dataSync()]);
  return { weights, replays: result.engine.replays };
}

onDevice(`webgpu${refusal === null ? '' : ` (skipped: ${refusal})`}`, () => {
  it.each(Object.keys(models))(
    'trains the %s as the processor does',
    async (name) => {
      const expected = await train('ort', models[name]);
      resetEngineCounters();
      const actual = await train('webgpu', models[name]);
      expect(engineCounters().fallbacks).toEqual({});
      expect(actual.losses.at(-1)).toBeLessThan(actual.losses[0]);
      for (const part of ['losses', 'weights', 'prediction'] as const) {
        expect(difference(actual[part], expected[part])).toBeLessThan(1e-3);
      }
    },
    300_000,
  );

  it.each(Object.keys(traps))('computes %s', async (name) => {
    await selectBackend({ accelerator: 'ort' });
    const expected = traps[name]().dataSync();
    await selectBackend({ accelerator: 'webgpu' });
    expect(difference(traps[name]().dataSync(), expected)).toBeLessThan(1e-5);
  });

  it('replays the steps of the trainer', async () => {
    const expected = await fit('ort');
    const actual = await fit('webgpu');
    expect(actual.replays).toBeGreaterThan(20);
    expect(actual.replays).toBe(expected.replays);
    expect(difference(actual.weights, expected.weights)).toBeLessThan(1e-3);
  }, 300_000);

  it('gives way to the processor and back with tensors that are still pending', async () => {
    await selectBackend({ accelerator: 'webgpu', threads: 1 });
    const sum = tf.add(tf.ones([3]), 1);
    expect((await selectBackend({ accelerator: 'ort', threads: 1 })).device).toBe('cpu');
    expect([...sum.dataSync()]).toEqual([2, 2, 2]);
    const { device } = await selectBackend({ accelerator: 'webgpu', threads: 1 });
    expect(device).toBe('webgpu');
    expect([...tf.mul(sum, 2).dataSync()]).toEqual([4, 4, 4]);
  });

  it('is not what auto takes when the driver is software', async () => {
    const { device, reason } = await selectBackend();
    const software = /swiftshader|lvp/i.test(process.env.VK_ICD_FILENAMES ?? '');
    expect(software && device !== 'cpu').toBe(false);
    expect(reason).toMatch(/^auto: /);
  });
});
