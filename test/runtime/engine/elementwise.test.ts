import { describe, expect, it } from '@jest/globals';
import { engineCounters, resetEngineCounters } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct, expectSame } from './compare.ts';

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** Functions with their domain. */
const UNARY: [string, Unary, number, number][] = [
  ['abs', tf.abs, -2, 2],
  ['acos', tf.acos, -0.9, 0.9],
  ['acosh', tf.acosh, 1.1, 4],
  ['asin', tf.asin, -0.9, 0.9],
  ['asinh', tf.asinh, -3, 3],
  ['atan', tf.atan, -3, 3],
  ['atanh', tf.atanh, -0.9, 0.9],
  ['clipByValue', (x) => tf.clipByValue(x, -0.5, 1), -2, 2],
  ['cos', tf.cos, -3, 3],
  ['cosh', tf.cosh, -2, 2],
  ['elu', tf.elu, -2, 2],
  ['erf', tf.erf, -2, 2],
  ['exp', tf.exp, -3, 3],
  ['expm1', tf.expm1, -1e-3, 1e-3],
  ['expm1 far', tf.expm1, -5, 5],
  ['leakyRelu', (x) => tf.leakyRelu(x, 0.1), -2, 2],
  ['log', tf.log, 0.1, 4],
  ['log1p', tf.log1p, -1e-3, 1e-3],
  ['log1p far', tf.log1p, -0.9, 9],
  ['logSigmoid', tf.logSigmoid, -4, 4],
  ['neg', tf.neg, -2, 2],
  ['reciprocal', tf.reciprocal, 0.5, 3],
  ['relu', tf.relu, -2, 2],
  ['relu6', tf.relu6, -3, 9],
  ['rsqrt', tf.rsqrt, 0.3, 3],
  ['selu', tf.selu, -2, 2],
  ['sigmoid', tf.sigmoid, -4, 4],
  ['sin', tf.sin, -3, 3],
  ['sinh', tf.sinh, -2, 2],
  ['softplus', tf.softplus, -4, 4],
  ['sqrt', tf.sqrt, 0.1, 4],
  ['square', tf.square, -2, 2],
  ['tan', tf.tan, -1.2, 1.2],
  ['tanh', tf.tanh, -2, 2],
];

const BINARY: [string, Binary][] = [
  ['add', tf.add],
  ['sub', tf.sub],
  ['mul', tf.mul],
  ['div', (a, b) => tf.div(a, tf.add(b, 3))],
  ['maximum', tf.maximum],
  ['minimum', tf.minimum],
  ['pow', (a, b) => tf.pow(tf.add(a, 2.5), b)],
  ['mod', (a, b) => tf.mod(a, tf.add(b, 2.5))],
  ['squaredDifference', tf.squaredDifference],
  ['prelu', (a, b) => tf.prelu(a, tf.abs(b))],
];

const BROADCASTS = [
  [
    [2, 3],
    [2, 3],
  ],
  [
    [4, 1, 3],
    [2, 1],
  ],
  [[3], []],
  [[1], [2, 1, 2]],
  [[2, 3, 4, 5], [5]],
];

describe.each(UNARY)('%s', (_name, op, low, high) => {
  it.each([[[7]], [[1]], [[2, 3, 4]]])('equals cpu with its gradient on %j', async (shape) => {
    await expectSame(() => {
      const x = distinct(shape, 1, low, high);
      return [op(x), tf.grad(op)(x, distinct(shape, 2))];
    });
  });
});

describe.each(BINARY)('%s', (name, op) => {
  it.each(BROADCASTS)('equals cpu with its gradients on %j and %j', async (left, right) => {
    await expectSame(() => {
      const [a, b] = [distinct(left, 3), distinct(right, 4, -1.5, 1.7)];
      const y = op(a, b);
      // tfjs's own gradients of these are wrong when shapes differ, on every back end.
      const differs = left.join() !== right.join();
      if (differs && ['squaredDifference', 'prelu', 'maximum', 'minimum'].includes(name))
        return [y];
      return [y, ...tf.grads(op)([a, b], distinct(y.shape, 5))];
    });
  });
});

describe('rounding and tests', () => {
  const special = () =>
    tf.tensor1d([-2.5, -1.5, -0.5, -0, 0, 0.5, 1.5, 2.5, NaN, Infinity, -Infinity]);
  it.each<[string, Unary]>([
    ['round', tf.round],
    ['ceil', tf.ceil],
    ['floor', tf.floor],
    ['sign', tf.sign],
    ['step', (x) => tf.step(x, 0.2)],
    ['isNaN', tf.isNaN],
    ['isInf', tf.isInf],
    ['isFinite', tf.isFinite],
    ['relu', tf.relu],
    ['max', (x) => tf.max(x)],
    ['min', (x) => tf.min(x)],
    ['maximum', (x) => tf.maximum(x, 0)],
    ['minimum', (x) => tf.minimum(x, 0)],
  ])('%s treats halves, NaN and infinities as cpu does', async (_name, op) => {
    await expectSame(() => op(special()), 0);
  });

  it("divides integers downwards and gives remainders the divisor's sign", async () => {
    await expectSame(() => {
      const a = tf.tensor1d([7, -7, 7, -7, 6, 0], 'int32');
      const b = tf.tensor1d([2, 2, -2, -2, 3, 5], 'int32');
      return [tf.floorDiv(a, b), tf.div(a, b), tf.mod(a, b), tf.mul(a, b), tf.maximum(a, b)];
    }, 0);
  });

  it('casts as cpu does', async () => {
    await expectSame(() => {
      const x = tf.tensor1d([-1.7, -0.2, 0, 0.2, 1.7]);
      return [x.toInt(), x.toBool(), x.toBool().toInt(), x.toInt().toFloat()];
    }, 0);
  });
});

describe('comparisons', () => {
  it.each<[string, Binary]>([
    ['equal', tf.equal],
    ['notEqual', tf.notEqual],
    ['less', tf.less],
    ['lessEqual', tf.lessEqual],
    ['greater', tf.greater],
    ['greaterEqual', tf.greaterEqual],
  ])('%s broadcasts', async (_name, op) => {
    await expectSame(
      () => [
        op(tf.tensor2d([[1, 2, NaN]]), tf.tensor2d([[1], [2]])),
        op(tf.tensor1d([1, 2], 'int32'), tf.scalar(1, 'int32')),
        op(tf.tensor1d([true, false], 'bool'), tf.tensor1d([true, true], 'bool')),
      ],
      0,
    );
  });

  it('select rows and elements', async () => {
    await expectSame(() => {
      const [a, b] = [distinct([2, 3], 1), distinct([2, 3], 2)];
      const condition = tf.greater(a, 0);
      const choose = (x: tf.Tensor, y: tf.Tensor) => tf.where(condition, x, y);
      return [
        choose(a, b),
        ...tf.grads(choose)([a, b]),
        tf.where(tf.greater(a, 0), a.toBool(), b.toBool()),
      ];
    }, 0);
  });

  it('combine logically', async () => {
    await expectSame(() => {
      const a = tf.tensor1d([true, true, false], 'bool');
      const b = tf.tensor1d([true, false, false], 'bool');
      return [a.logicalAnd(b), a.logicalOr(b), a.logicalXor(b), a.logicalNot(), a.all(), a.any()];
    }, 0);
  });
});

it('refuses shapes that do not broadcast', () => {
  expect(() => tf.add(tf.ones([2, 3]), tf.ones([2, 2]))).toThrow(/\[2,3\].*\[2,2\]/);
});

it('records every op of this file except those without a graph form', async () => {
  resetEngineCounters();
  await expectSame(() => UNARY.map(([, op, low, high]) => op(distinct([5], 1, low, high))));
  expect(engineCounters().fallbacks).toEqual({});
});
