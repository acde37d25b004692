import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  engineCounters,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { difference, distinct } from './compare.ts';
import { fewSteps } from './parity.ts';

interface Task {
  readonly variables: tf.Variable[];
  readonly loss: (step: number) => tf.Scalar;
}

const CLASSES = 5;

/** Class labels as one-hot rows. */
function labels(count: number): tf.Tensor {
  const ids = Array.from({ length: count }, (_, index) => (index * 7) % CLASSES);
  return tf.oneHot(tf.tensor1d(ids, 'int32'), CLASSES);
}

function parameter(shape: number[], seed: number, scale = 0.3): tf.Variable {
  return tf.variable(distinct(shape, seed, -scale, scale));
}

function mlp(): Task {
  const variables = [parameter([12, 16], 1), parameter([16], 2), parameter([16, CLASSES], 3)];
  const [w1, b1, w2] = variables;
  const [x, y] = [distinct([32, 12], 4), labels(32)];
  const loss = () => {
    const hidden = tf.relu(tf.add(tf.matMul(x, w1), b1));
    return tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(y, tf.matMul(hidden, w2));
  };
  return { variables, loss };
}

function cnn(): Task {
  const filters = [parameter([3, 3, 1, 4], 1), parameter([3, 3, 4, 6], 2)];
  const biases = [parameter([4], 3), parameter([6], 4)];
  const dense = parameter([3 * 3 * 6, CLASSES], 5);
  const [x, y] = [distinct([6, 12, 12, 1], 6), labels(6)];
  const loss = (step: number) => {
    let image = x as tf.Tensor4D;
    for (const [layer, filter] of filters.entries()) {
      const sum = tf.add(
        tf.conv2d(image, filter as unknown as tf.Tensor4D, 1, 'same'),
        biases[layer],
      );
      image = tf.maxPool(tf.relu(sum) as tf.Tensor4D, 2, 2, 'valid');
    }
    const dropped = tf.dropout(tf.reshape(image, [6, -1]), 0.3, undefined, step + 1);
    return tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(y, tf.matMul(dropped, dense));
  };
  return { variables: [...filters, ...biases, dense], loss };
}

function tabular(): Task {
  const variables = [
    parameter([6, 8], 1),
    parameter([8], 2),
    parameter([8], 3),
    parameter([8, 1], 4),
  ];
  const [w1, offset, scale, w2] = variables;
  const [x, y] = [distinct([24, 6], 5), distinct([24, 1], 6)];
  const loss = () => {
    const hidden = tf.matMul(x, w1);
    const { mean, variance } = tf.moments(hidden, 0);
    const normal = tf.batchNorm(hidden, mean, variance, offset, scale);
    return tf.losses.meanSquaredError<tf.Tensor, tf.Scalar>(y, tf.matMul(tf.relu(normal), w2));
  };
  return { variables, loss };
}

async function train(
  accelerator: string,
  build: () => Task,
  optimizer: () => tf.Optimizer,
  steps = fewSteps,
) {
  await selectBackend({ accelerator, threads: 1 });
  const { variables, loss } = build();
  const rule = optimizer();
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const value = rule.minimize(() => loss(step), true, variables);
    losses.push(value?.dataSync()[0] ?? NaN);
    value?.dispose();
  }
  const weights = variables.flatMap((variable) => [...variable.dataSync()]);
  tf.dispose(variables);
  return { losses, weights };
}

const TASKS: [string, () => Task][] = [
  ['an MLP', mlp],
  ['a CNN with dropout', cnn],
  ['a tabular regression with batch norm', tabular],
];

describe.each(TASKS)('%s', (_name, build) => {
  beforeEach(resetEngineCounters);

  it.each<[string, () => tf.Optimizer]>([
    ['adam', () => tf.train.adam(0.01)],
    ['momentum', () => tf.train.momentum(0.02, 0.9)],
  ])('trains on ort as on cpu with %s, without a fallback', async (_rule, optimizer) => {
    const cpu = await train('cpu', build, optimizer);
    const ort = await train('ort', build, optimizer);
    expect(difference(ort.losses, cpu.losses)).toBeLessThan(1e-3);
    expect(difference(ort.weights, cpu.weights)).toBeLessThan(1e-2);
    expect(ort.losses.at(-1)).toBeLessThan(ort.losses[0]);
    expect(engineCounters().fallbacks).toEqual({});
  });

  it('compiles a step once and gives the same bits twice', async () => {
    const first = await train('ort', build, () => tf.train.adam(0.01), 8);
    resetEngineCounters();
    const second = await train('ort', build, () => tf.train.adam(0.01), 8);
    expect(second).toEqual(first);
    expect(engineCounters().compilations).toBe(0);
    expect(engineCounters().hits).toBeGreaterThanOrEqual(8);
  });
});

it('trains tfjs-layers models as on cpu', async () => {
  const fit = async (accelerator: string) => {
    await selectBackend({ accelerator, threads: 1 });
    resetEngineCounters();
    const init = () => ({ kernelInitializer: tf.initializers.glorotUniform({ seed: 7 }) });
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [8, 8, 1],
          filters: 4,
          kernelSize: 3,
          padding: 'same',
          ...init(),
        }),
        tf.layers.batchNormalization({}),
        tf.layers.activation({ activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.dropout({ rate: 0.2, seed: 3 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 6, activation: 'relu', ...init() }),
        tf.layers.dense({ units: CLASSES, activation: 'softmax', ...init() }),
      ],
    });
    model.compile({
      optimizer: tf.train.sgd(0.1),
      loss: 'categoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const losses: number[] = [];
    const [x, y] = [distinct([10, 8, 8, 1], 1), labels(10).toFloat()];
    for (let step = 0; step < 5; step++) {
      const [loss] = (await model.trainOnBatch(x, y)) as number[];
      losses.push(loss);
    }
    const prediction = (model.predict(x) as tf.Tensor).dataSync();
    const { fallbacks } = engineCounters();
    model.dispose();
    return { losses, prediction, fallbacks };
  };
  const cpu = await fit('cpu');
  const ort = await fit('ort');
  expect(difference(ort.losses, cpu.losses)).toBeLessThan(1e-3);
  expect(difference(ort.prediction, cpu.prediction)).toBeLessThan(1e-3);
  expect(ort.fallbacks).toEqual({});
});

it('computes accuracy without a fallback', async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
  resetEngineCounters();
  const [logits, y] = [distinct([20, CLASSES], 1), labels(20)];
  const hits = tf.equal(tf.argMax(logits, -1), tf.argMax(y, -1));
  const accuracy = tf.mean(tf.cast(hits, 'float32')).dataSync()[0];
  expect(accuracy).toBeGreaterThanOrEqual(0);
  expect(accuracy * 20).toBeCloseTo(Math.round(accuracy * 20), 4);
  expect(engineCounters().fallbacks).toEqual({});
});

it('counts numbers below 1e-38 as zero, in graphs and in the update kernels', async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
  const tiny = tf.tensor1d([1e-30, 1]);
  expect([...tf.mul(tiny, 1e-10).dataSync()]).toEqual([0, Math.fround(1e-10)]);
  const product = Float32Array.of(1e-30);
  product[0] *= Math.fround(1e-10);
  // The thread that runs WebAssembly is this one.
  expect(product[0] * 1e10).toBe(0);
});
