import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  engineCounters,
  selectBackend,
  setDynamicShapes,
} from '../../../runtime/src/engine/index.ts';
import { layers as recurrent } from '../../../runtime/src/core/layers/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { Rng, withKeyedRandom } from '../../../runtime/src/random/index.ts';

beforeAll(() => selectBackend({ accelerator: 'ort', threads: 1 }));
afterEach(() => {
  setDynamicShapes(false);
});

const { layers } = tf;
type Net = tf.Sequential;

const nets: Record<string, { net: () => Net; input: (batch: number) => number[] }> = {
  dense: {
    net: () =>
      tf.sequential({
        layers: [
          layers.dense({ units: 8, inputShape: [6], activation: 'relu' }),
          layers.batchNormalization({}),
          layers.dropout({ rate: 0.2 }),
          layers.dense({ units: 3, activation: 'softmax' }),
        ],
      }),
    input: (batch) => [batch, 6],
  },
  convolution: {
    net: () =>
      tf.sequential({
        layers: [
          layers.conv2d({ filters: 16, kernelSize: 3, inputShape: [8, 8, 3], activation: 'relu' }),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu', padding: 'same' }),
          layers.flatten(),
          layers.dense({ units: 3, activation: 'softmax' }),
        ],
      }),
    input: (batch) => [batch, 8, 8, 3],
  },
  'embedding of any length': {
    net: () =>
      tf.sequential({
        layers: [
          layers.embedding({ inputDim: 20, outputDim: 8, inputShape: [null] }),
          layers.layerNormalization(),
          layers.globalAveragePooling1d({}),
          layers.dense({ units: 3, activation: 'softmax' }),
        ],
      }),
    input: (batch) => [batch, batch + 3],
  },
  recurrent: {
    net: () =>
      tf.sequential({
        layers: [
          recurrent.lstm({ units: 5, inputShape: [4, 3] }),
          layers.dense({ units: 3, activation: 'softmax' }),
        ],
      }),
    input: (batch) => [batch, 4, 3],
  },
};

/** Steps over batches of these sizes: every loss, and every weight at the end. */
async function train(name: string, sizes: readonly number[], dynamic: boolean) {
  // Other settings make the back end forget its sessions.
  await selectBackend({ accelerator: 'ort', threads: 2 });
  await selectBackend({ accelerator: 'ort', threads: 1 });
  setDynamicShapes(dynamic);
  const { net: make, input } = nets[name];
  const before = engineCounters();
  const numbers = withKeyedRandom(Rng.fromSeed(3), () => {
    const net = make();
    const optimizer = tf.train.adam(0.01);
    const losses = sizes.map((batch) => {
      const loss = tf.tidy(() => {
        const shape = input(batch);
        const x = tf.randomUniform(shape, 0, 19);
        const data = name.startsWith('embedding') ? tf.floor(x) : x;
        const y = tf.oneHot(tf.range(0, batch, 1, 'int32').mod(tf.scalar(3, 'int32')), 3);
        const computeLoss = (): tf.Scalar =>
          tf.losses.softmaxCrossEntropy(y, net.apply(data, { training: true }) as tf.Tensor);
        return optimizer.minimize(computeLoss, true) as tf.Scalar;
      });
      const [value] = loss.dataSync();
      loss.dispose();
      return value;
    });
    const weights = net.getWeights().map((weight) => [...weight.dataSync()]);
    net.dispose();
    optimizer.dispose();
    return { losses, weights };
  });
  const after = engineCounters();
  const { compilations } = after;
  return { numbers, compiled: compilations - before.compilations };
}

describe('dynamic shapes', () => {
  it.each(Object.keys(nets))('give the same bits with one graph for all, %s', async (name) => {
    const sizes = [4, 5, 17, 6, 7, 5, 8, 9, 10, 11, 12, 13, 14];
    const separate = await train(name, sizes, false);
    const common = await train(name, sizes, true);
    expect(common.numbers).toEqual(separate.numbers);
    expect(separate.compiled).toBeGreaterThanOrEqual(12);
    // The first shape's own, and one more for each constant that turns out to depend on the shape.
    expect(common.compiled).toBeLessThanOrEqual(6);
  });
});
