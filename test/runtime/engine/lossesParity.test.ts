import { it } from '@jest/globals';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct } from './compare.ts';
import { expectSameTraining } from './parity.ts';

const { layers } = tf;
const BATCH = 6;
const CLASSES = 3;

const oneHot = () => tf.oneHot(tf.tensor1d([0, 2, 1, 1, 0, 2], 'int32'), CLASSES).toFloat();
const positive = () => distinct([BATCH, CLASSES], 5, 0.1, 0.9);
const signs = () => tf.sign(distinct([BATCH, CLASSES], 6, -1, 1));

/** Each loss with the activation and the targets that suit it. */
const LOSSES: [string, string, () => tf.Tensor][] = [
  ['meanSquaredError', 'linear', positive],
  ['meanAbsoluteError', 'linear', positive],
  ['meanAbsolutePercentageError', 'linear', positive],
  ['meanSquaredLogarithmicError', 'sigmoid', positive],
  ['squaredHinge', 'tanh', signs],
  ['hinge', 'tanh', signs],
  ['categoricalHinge', 'softmax', oneHot],
  ['logcosh', 'linear', positive],
  ['categoricalCrossentropy', 'softmax', oneHot],
  ['sparseCategoricalCrossentropy', 'softmax', () => tf.tensor2d([0, 2, 1, 1, 0, 2], [BATCH, 1])],
  ['binaryCrossentropy', 'sigmoid', positive],
  ['kullbackLeiblerDivergence', 'softmax', positive],
  ['poisson', 'softplus', positive],
  ['cosineProximity', 'linear', positive],
];

it('computes all losses and their metrics as cpu does', async () => {
  await expectSameTraining({
    model: () => {
      const input = tf.input({ shape: [4] });
      const outputs = LOSSES.map(([name, activation]) => {
        const settings = { units: CLASSES, activation, name };
        return layers.dense(settings as Parameters<typeof layers.dense>[0]).apply(input);
      });
      return tf.model({ inputs: input, outputs: outputs as tf.SymbolicTensor[] });
    },
    x: () => distinct([BATCH, 4], 1, -1, 1),
    y: () => LOSSES.map(([, , target]) => target()),
    loss: LOSSES.map(([name]) => name),
    metrics: {
      binaryCrossentropy: ['binaryAccuracy', tf.metrics.precision, tf.metrics.recall],
      categoricalCrossentropy: ['accuracy', 'categoricalCrossentropy', 'categoricalAccuracy'],
      sparseCategoricalCrossentropy: ['accuracy', 'sparseCategoricalCrossentropy'],
      meanSquaredError: ['mse', 'mae', 'mape', 'cosine', tf.metrics.r2Score],
    } as never,
    // The percentage error has large gradients.
    optimizer: () => tf.train.sgd(0.001),
  });
});

it.each<[string, () => tf.Optimizer]>([
  ['momentum', () => tf.train.momentum(0.02, 0.9, true)],
  ['rmsprop', () => tf.train.rmsprop(0.01, 0.9, 0.5, undefined, true)],
  ['adagrad', () => tf.train.adagrad(0.05)],
  ['adadelta', () => tf.train.adadelta(0.5)],
  ['adam', () => tf.train.adam(0.01)],
  ['adamax', () => tf.train.adamax(0.01)],
])('updates as on cpu: %s', async (_name, optimizer) => {
  await expectSameTraining({
    model: () =>
      tf.sequential({
        layers: [
          layers.dense({ units: 5, activation: 'tanh', inputShape: [4] }),
          layers.dense({ units: 2 }),
        ],
      }),
    x: () => distinct([BATCH, 4], 1, -1, 1),
    optimizer,
  });
});

it('regularizes and constrains weights as on cpu', async () => {
  const { constraints, regularizers } = tf;
  await expectSameTraining({
    model: () => {
      const kernels = [
        { kernelRegularizer: regularizers.l1({ l1: 0.01 }) },
        { kernelRegularizer: regularizers.l2({ l2: 0.02 }), useBias: false },
        { kernelRegularizer: regularizers.l1l2(), biasRegularizer: regularizers.l2() },
        { kernelConstraint: constraints.maxNorm({ maxValue: 0.5 }) },
        { kernelConstraint: constraints.minMaxNorm({ minValue: 0.3, maxValue: 0.6 }) },
        { kernelConstraint: constraints.unitNorm({}) },
        { kernelConstraint: constraints.nonNeg() },
      ];
      return tf.sequential({
        layers: kernels.map((settings) =>
          layers.dense({ units: 4, inputShape: [4], activation: 'tanh', ...settings }),
        ),
      });
    },
    x: () => distinct([BATCH, 4], 1, -1, 1),
  });
});
