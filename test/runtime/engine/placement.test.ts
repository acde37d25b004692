import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { engineCounters, resetEngineCounters } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct, expectSame } from './compare.ts';

beforeEach(resetEngineCounters);
afterEach(() => {
  expect(engineCounters().fallbacks).toEqual({});
});

describe('atan2', () => {
  it('equals cpu with its gradients', async () => {
    await expectSame(() => {
      const run = (y: tf.Tensor, x: tf.Tensor) => tf.atan2(y, x);
      const inputs = [distinct([4, 6], 1), distinct([6], 2)];
      return [run(inputs[0], inputs[1]), ...tf.grads(run)(inputs, distinct([4, 6], 3))];
    });
  });

  it('knows the axes, both zeros, infinity and NaN', async () => {
    const values = [0, -0, 1, -1, Infinity, -Infinity, NaN];
    const all = values.flatMap((y) => values.map((x) => [y, x]));
    await expectSame(
      () => tf.atan2(tf.tensor1d(all.map(([y]) => y)), tf.tensor1d(all.map(([, x]) => x))),
      1e-6,
    );
  });
});

describe('cumprod', () => {
  it.each<[number, boolean, boolean]>([
    [0, false, false],
    [1, true, false],
    [2, false, true],
    [1, true, true],
  ])('equals cpu along axis %i, exclusive %s, reverse %s', async (axis, exclusive, reverse) => {
    await expectSame(() => [
      tf.cumprod(distinct([3, 5, 6], 1), axis, exclusive, reverse),
      tf.cumprod(tf.tensor3d([1, 2, 3, -1, 2, 5], [1, 2, 3], 'int32'), axis, exclusive, reverse),
    ]);
  });
});

describe('mirrorPad', () => {
  it.each<['reflect' | 'symmetric']>([['reflect'], ['symmetric']])(
    'equals cpu: %s',
    async (mode) => {
      await expectSame(() => {
        const x = distinct([3, 4, 2], 1);
        return tf.mirrorPad(
          x,
          [
            [1, 2],
            [2, 0],
            [0, 1],
          ],
          mode,
        );
      }, 0);
    },
  );

  it('has the gradient of cpu', async () => {
    await expectSame(() => {
      const run = (x: tf.Tensor) =>
        tf.mirrorPad(
          x,
          [
            [1, 1],
            [2, 2],
          ],
          'reflect',
        );
      return tf.grad(run)(distinct([3, 4], 1), distinct([5, 8], 2));
    });
  });
});

it('normalises by neighbour channels with the gradient of cpu', async () => {
  await expectSame(() => {
    const run = (x: tf.Tensor) => tf.localResponseNormalization(x as tf.Tensor4D, 2, 1.3, 0.7, 0.6);
    const x = distinct([2, 3, 2, 7], 1);
    return [run(x), tf.grad(run)(x, distinct([2, 3, 2, 7], 2))];
  });
});

it('places values', async () => {
  await expectSame(() => {
    const places = tf.tensor2d(
      [
        [0, 3],
        [2, 1],
        [1, 1],
      ],
      [3, 2],
      'int32',
    );
    const values = distinct([3], 1) as tf.Tensor1D;
    return [
      tf.sparseToDense(places, values, [3, 4], 7),
      tf.sparseToDense(tf.tensor1d([1, 4], 'int32'), tf.tensor1d([5, 6]), [6]),
      tf.tensorScatterUpdate(distinct([3, 4], 2), places, values),
      tf.tensorScatterUpdate(
        distinct([4, 2], 3),
        tf.tensor2d([[3], [0]], [2, 1], 'int32'),
        distinct([2, 2], 4),
      ),
      tf.diag(distinct([4], 5)),
      tf.diag(distinct([2, 3], 6)),
    ];
  }, 0);
});

it.each<['left' | 'right']>([['left'], ['right']])('finds places from the %s', async (side) => {
  await expectSame(() => {
    const sorted = tf.tensor2d([
      [0, 3, 3, 9, 10],
      [1, 2, 3, 4, 5],
    ]);
    return tf.searchSorted(
      sorted,
      tf.tensor2d([
        [3, 4, 12],
        [0, 2, 6],
      ]),
      side,
    );
  }, 0);
});

it('works on integers', async () => {
  await expectSame(() => {
    const a = tf.tensor2d([1, -2, 3, 4, 5, 6], [2, 3], 'int32');
    const image = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1], 'int32');
    return [
      tf.matMul(a, a, false, true),
      tf.matMul(a, a, true, false),
      tf.matMul(tf.stack([a, a]), tf.stack([a, a]), false, true),
      tf.math.confusionMatrix([0, 2, 1, 2], [0, 1, 1, 2], 3),
      tf.topk(a, 2).values,
      tf.topk(a, 2).indices,
      tf.scatterND(tf.tensor1d([4, 1, 4], 'int32'), tf.tensor1d([1, 2, 3]), [6]),
      tf.image.resizeBilinear(image, [3, 4]),
      tf.image.resizeNearestNeighbor(image, [3, 4]),
    ] as tf.Tensor[];
  }, 1e-6);
});
