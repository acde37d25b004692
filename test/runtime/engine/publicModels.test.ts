import { it } from '@jest/globals';
import { resetEngineCounters } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct } from './compare.ts';
import {
  expectSameOutcome,
  expectSameTraining,
  fewSteps,
  initialize,
  weightsOf,
} from './parity.ts';

// The architectures of TensorFlow.js's public examples, layer by layer, at tiny sizes.
const { layers } = tf;
const steps = fewSteps;
type Symbol = tf.SymbolicTensor;

const softmaxOver = (classes: number, shape: number[]) =>
  tf.softmax<tf.Tensor>(distinct([...shape, classes], 9));

it('trains a convolutional autoencoder', async () => {
  await expectSameTraining({
    steps,
    model: () =>
      tf.sequential({
        layers: [
          layers.conv2d({
            filters: 4,
            kernelSize: 3,
            padding: 'same',
            activation: 'relu',
            inputShape: [8, 8, 1],
          }),
          layers.maxPooling2d({ poolSize: 2, padding: 'same' }),
          layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', activation: 'relu' }),
          layers.upSampling2d({ size: [2, 2] }),
          layers.conv2d({ filters: 1, kernelSize: 3, padding: 'same', activation: 'sigmoid' }),
        ],
      }),
    // One image: of more, the cpu back end mixes up the gradients of upsampling.
    x: () => distinct([1, 8, 8, 1], 3, 0.05, 0.95),
    y: () => distinct([1, 8, 8, 1], 3, 0.05, 0.95),
    loss: 'binaryCrossentropy',
    optimizer: () => tf.train.adam(0.005),
  });
});

it('trains a variational autoencoder with its own loss and sampling layer', async () => {
  class Sampling extends tf.layers.Layer {
    static readonly className = 'Sampling';
    override computeOutputShape(shapes: tf.Shape | tf.Shape[]): tf.Shape {
      return (shapes as tf.Shape[])[0];
    }
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const [mean, logVariance] = inputs as tf.Tensor[];
      const noise = tf.randomNormal(mean.shape);
      return mean.add(logVariance.mul(0.5).exp().mul(noise));
    }
  }
  await expectSameOutcome(async () => {
    const input = tf.input({ shape: [12] });
    const hidden = layers.dense({ units: 8, activation: 'relu' }).apply(input) as Symbol;
    const mean = layers.dense({ units: 2 }).apply(hidden) as Symbol;
    const logVariance = layers.dense({ units: 2 }).apply(hidden) as Symbol;
    const code = new Sampling({}).apply([mean, logVariance]) as Symbol;
    const encoder = tf.model({ inputs: input, outputs: [mean, logVariance, code] });
    const decoder = tf.sequential({
      layers: [
        layers.dense({ units: 8, activation: 'relu', inputShape: [2] }),
        layers.dense({ units: 12, activation: 'sigmoid' }),
      ],
    });
    initialize(encoder);
    initialize(decoder);
    const x = distinct([6, 12], 4, 0.05, 0.95);
    const optimizer = tf.train.adam(0.005);
    const losses: number[] = [];
    resetEngineCounters();
    for (let step = 0; step < steps; step++) {
      const loss = optimizer.minimize(() => {
        const [m, v, z] = encoder.apply(x) as tf.Tensor[];
        const decoded = decoder.apply(z) as tf.Tensor;
        const reconstruction = tf.losses.meanSquaredError(x, decoded).mul<tf.Tensor>(12);
        const divergence = v.add(1).sub(m.square()).sub(v.exp()).sum(-1).mul(-0.5);
        return reconstruction.add(divergence).mean<tf.Scalar>();
      }, true);
      losses.push(...((await loss?.data()) ?? []));
    }
    return { losses, weights: [...weightsOf(encoder), ...weightsOf(decoder)] };
  });
});

it('trains an auxiliary-classifier GAN, discriminator and generator in turn', async () => {
  const [latent, classes, batch] = [3, 2, 4];
  await expectSameOutcome(async () => {
    const discriminator = acganDiscriminator(classes);
    const generator = acganGenerator(latent, classes);
    initialize(discriminator);
    initialize(generator);
    const losses = ['binaryCrossentropy', 'sparseCategoricalCrossentropy'];
    discriminator.compile({ optimizer: tf.train.adam(0.002, 0.5), loss: losses });
    discriminator.trainable = false;
    const [noise, label] = [tf.input({ shape: [latent] }), tf.input({ shape: [1] })];
    const image = generator.apply([noise, label]) as Symbol;
    const combined = tf.model({
      inputs: [noise, label],
      outputs: discriminator.apply(image) as Symbol[],
    });
    combined.compile({ optimizer: tf.train.adam(0.002, 0.5), loss: losses });
    const real = distinct([batch, 8, 8, 1], 5, -1, 1);
    const labels = tf.tensor2d([0, 1, 1, 0], [batch, 1]);
    const history: number[] = [];
    resetEngineCounters();
    for (let step = 0; step < steps; step++) {
      const z = distinct([batch, latent], 30 + step, -1, 1);
      const fake = generator.predict([z, labels], { batchSize: batch }) as tf.Tensor;
      const x = tf.concat([real, fake], 0);
      const y = tf.concat([tf.ones([batch, 1]).mul(0.9), tf.zeros([batch, 1])], 0);
      const both = tf.concat([labels, labels], 0);
      history.push(...((await discriminator.trainOnBatch(x, [y, both])) as number[]));
      const trick = tf.ones([batch, 1]).mul(0.9);
      history.push(...((await combined.trainOnBatch([z, labels], [trick, labels])) as number[]));
    }
    return { losses: history, weights: [...weightsOf(generator), ...weightsOf(discriminator)] };
    // A bias before batch normalisation has no gradient: Adam makes steps of what rounding leaves.
  }, 2e-2);
});

function acganGenerator(latent: number, classes: number): tf.LayersModel {
  const stack = tf.sequential({
    layers: [
      layers.dense({ units: 2 * 2 * 4, inputShape: [latent], activation: 'relu' }),
      layers.reshape({ targetShape: [2, 2, 4] }),
      layers.conv2dTranspose({
        filters: 3,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        activation: 'relu',
      }),
      layers.batchNormalization(),
      layers.conv2dTranspose({
        filters: 1,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        activation: 'tanh',
      }),
    ],
  });
  const noise = tf.input({ shape: [latent] });
  const label = tf.input({ shape: [1] });
  const embedded = layers.embedding({ inputDim: classes, outputDim: latent }).apply(label);
  const code = layers.multiply().apply([noise, layers.flatten().apply(embedded) as Symbol]);
  return tf.model({ inputs: [noise, label], outputs: stack.apply(code) as Symbol });
}

function acganDiscriminator(classes: number): tf.LayersModel {
  const stack = tf.sequential({
    layers: [
      layers.conv2d({
        filters: 3,
        kernelSize: 3,
        padding: 'same',
        strides: 2,
        inputShape: [8, 8, 1],
      }),
      layers.leakyReLU({ alpha: 0.2 }),
      layers.dropout({ rate: 0.3 }),
      layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', strides: 1 }),
      layers.leakyReLU({ alpha: 0.2 }),
      layers.dropout({ rate: 0.3 }),
      layers.flatten(),
    ],
  });
  const image = tf.input({ shape: [8, 8, 1] });
  const features = stack.apply(image) as Symbol;
  const realness = layers.dense({ units: 1, activation: 'sigmoid' }).apply(features) as Symbol;
  const aux = layers.dense({ units: classes, activation: 'softmax' }).apply(features) as Symbol;
  return tf.model({ inputs: image, outputs: [realness, aux] });
}

it('trains stacked LSTMs that write text', async () => {
  await expectSameTraining({
    steps,
    model: () =>
      tf.sequential({
        layers: [
          layers.lstm({ units: 4, returnSequences: true, inputShape: [4, 5] }),
          layers.lstm({ units: 3 }),
          layers.dense({ units: 5, activation: 'softmax' }),
        ],
      }),
    x: () =>
      tf.oneHot(tf.tensor2d([0, 1, 2, 3, 4, 3, 2, 1, 1, 1, 0, 4], [3, 4], 'int32'), 5).toFloat(),
    y: () => tf.oneHot(tf.tensor1d([1, 0, 3], 'int32'), 5).toFloat(),
    loss: 'categoricalCrossentropy',
    optimizer: () => tf.train.rmsprop(0.005, 0.9, 0, 1e-3),
  });
});

it('trains attention-based translation', async () => {
  class LastStep extends tf.layers.Layer {
    static readonly className = 'LastStep';
    override computeOutputShape([batch, , units]: tf.Shape): tf.Shape {
      return [batch, units];
    }
    override call(input: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const [x] = [input].flat() as tf.Tensor3D[];
      return x.gather([x.shape[1] - 1], 1).squeeze([1]);
    }
  }
  const [words, length, units] = [6, 3, 4];
  await expectSameTraining({
    steps,
    model: () => {
      const from = tf.input({ shape: [length] });
      const to = tf.input({ shape: [length] });
      const embed = () => layers.embedding({ inputDim: words, outputDim: units, maskZero: true });
      const encoded = layers
        .lstm({ units, returnSequences: true })
        .apply(embed().apply(from)) as Symbol;
      const last = new LastStep({}).apply(encoded) as Symbol;
      const decoded = layers
        .lstm({ units, returnSequences: true })
        .apply(embed().apply(to), { initialState: [last, last] }) as Symbol;
      const scores = layers.dot({ axes: [2, 2] }).apply([decoded, encoded]);
      const attention = layers.activation({ activation: 'softmax' }).apply(scores) as Symbol;
      const context = layers.dot({ axes: [2, 1] }).apply([attention, encoded]) as Symbol;
      const combined = layers.concatenate().apply([context, decoded]);
      const step = (size: number, activation: 'tanh' | 'softmax') =>
        layers.timeDistributed({ layer: layers.dense({ units: size, activation }) });
      const outputs = step(words, 'softmax').apply(step(units, 'tanh').apply(combined)) as Symbol;
      return tf.model({ inputs: [from, to], outputs });
    },
    x: () => [
      tf.tensor2d([1, 2, 3, 4, 5, 0], [2, length]),
      tf.tensor2d([1, 4, 4, 1, 3, 2], [2, length]),
    ],
    y: () => softmaxOver(words, [2, length]),
    loss: 'categoricalCrossentropy',
    optimizer: () => tf.train.adam(0.005),
  });
});

it('trains the head of an object detector on frozen features', async () => {
  const lossOf = (truth: tf.Tensor, guess: tf.Tensor) =>
    tf.tidy(() => tf.metrics.meanSquaredError(tf.mul(truth, [8, 1, 1, 1, 1]), guess));
  await expectSameTraining({
    steps,
    model: () => {
      const base = tf.sequential({
        layers: [
          layers.zeroPadding2d({
            padding: [
              [0, 1],
              [0, 1],
            ],
            inputShape: [8, 8, 3],
          }),
          layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, useBias: false }),
          layers.batchNormalization(),
          layers.reLU({ maxValue: 6 }),
          layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', useBias: false }),
          layers.batchNormalization(),
          layers.reLU({ maxValue: 6 }),
          layers.conv2d({ filters: 6, kernelSize: 1, padding: 'same', useBias: false }),
          layers.batchNormalization(),
        ],
      });
      for (const layer of base.layers.slice(0, 4)) layer.trainable = false;
      const features = base.outputs[0];
      const flat = layers.flatten().apply(features);
      const hidden = layers.dense({ units: 8, activation: 'relu' }).apply(flat);
      const box = layers.dense({ units: 5 }).apply(hidden) as Symbol;
      return tf.model({ inputs: base.inputs, outputs: box });
    },
    x: () => distinct([3, 8, 8, 3], 2, -1, 1),
    loss: lossOf,
    optimizer: () => tf.train.rmsprop(5e-4, 0.9, 0, 1e-3),
  });
});
