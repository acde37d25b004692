import { describe, expect, it } from '@jest/globals';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct, expectSame } from './compare.ts';

type Unary = (x: tf.Tensor) => tf.Tensor;

const REDUCTIONS: [
  string,
  (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor,
][] = [
  ['sum', tf.sum],
  ['mean', tf.mean],
  ['max', tf.max],
  ['min', tf.min],
  ['prod', tf.prod],
  ['logSumExp', tf.logSumExp],
];

const AXES = [undefined, 0, -1, [0, 1], [0, 2], [0, 1, 2], []];

describe.each(REDUCTIONS)('%s', (name, op) => {
  it.each(AXES.map((axis) => [axis]))('equals cpu with its gradient over axes %j', async (axis) => {
    const run = (x: tf.Tensor) => op(x, axis);
    await expectSame(() => {
      const x = distinct([3, 4, 5], 1, 0.5, 1.5);
      const values = [run(x), op(x, axis, true)];
      // tfjs's gradient of prod does not take negative axes on any back end.
      return name === 'prod' && axis === -1 ? values : [...values, tf.grad(run)(x)];
    });
  });

  it('handles scalars and single elements', async () => {
    await expectSame(() => [
      op(tf.scalar(0.7)),
      op(distinct([1], 1)),
      op(distinct([1, 1], 1), 1, true),
    ]);
  });
});

describe('sums over all but the last axis', () => {
  it.each([[[64, 3]], [[8, 7, 5, 3]], [[2, 40, 1]]])('equal cpu on %j', async (shape) => {
    const axes = shape.slice(1).map((_, axis) => axis);
    await expectSame(() => [
      tf.sum(distinct(shape, 1, 0.1, 1), axes),
      tf.mean(distinct(shape, 2, 0.1, 1), axes, true),
    ]);
  });
});

it('finds positions of extremes', async () => {
  await expectSame(() => {
    const x = distinct([3, 4, 5], 1);
    return [
      tf.argMax(x, 0),
      tf.argMax(x, -1),
      tf.argMin(x, 1),
      tf.argMax(tf.tensor1d([1, 3, 3, 2])),
    ];
  }, 0);
});

it('accumulates', async () => {
  await expectSame(() => {
    const x = distinct([3, 4], 1);
    const sums = (y: tf.Tensor) => tf.cumsum(y, 1, true, true);
    return [tf.cumsum(x, 0), tf.cumsum(x, 1, true), sums(x), tf.grad(sums)(x, distinct([3, 4], 2))];
  });
});

const MOVES: [string, Unary][] = [
  ['transpose', (x) => tf.transpose(x, [2, 0, 1])],
  ['transpose twice', (x) => tf.transpose(tf.transpose(x, [2, 0, 1]), [1, 2, 0])],
  ['reshape', (x) => tf.reshape(x, [-1, 2])],
  ['reshape of a transpose', (x) => tf.reshape(tf.transpose(x, [1, 0, 2]), [6, 4])],
  ['expandDims and squeeze', (x) => tf.squeeze(tf.expandDims(x, 1))],
  ['slice', (x) => tf.slice(x, [1, 0, 2], [2, 1, -1])],
  ['stridedSlice', (x) => tf.stridedSlice(x, [0, 1, 3], [3, 0, 0], [2, -1, -2])],
  ['reverse', (x) => tf.reverse(x, [0, 2])],
  [
    'pad',
    (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
          [1, 1],
        ],
        0.5,
      ),
  ],
  [
    'mirrorPad',
    (x) =>
      tf.mirrorPad(
        x,
        [
          [1, 0],
          [0, 1],
          [1, 1],
        ],
        'reflect',
      ),
  ],
  ['tile', (x) => tf.tile(x, [2, 1, 3])],
  ['concat', (x) => tf.concat([x, x.mul(2)], 1)],
  ['stack', (x) => tf.stack([x, x.mul(2)], 1)],
  ['split', (x) => tf.add(...(tf.split(x, 2, 2) as [tf.Tensor, tf.Tensor]))],
  ['unstack', (x) => tf.mul(...(tf.unstack(x, 1) as [tf.Tensor, tf.Tensor]))],
  ['gather', (x) => tf.gather(x, tf.tensor1d([2, 0, 0], 'int32'), 0)],
  ['gather along the last axis', (x) => tf.gather(x, tf.tensor2d([[3, 1]], [1, 2], 'int32'), 2)],
  [
    'gatherND',
    (x) =>
      tf.gatherND(
        x,
        tf.tensor2d(
          [
            [0, 1],
            [2, 0],
          ],
          [2, 2],
          'int32',
        ),
      ),
  ],
  ['broadcastTo', (x) => tf.broadcastTo(x, [2, 3, 2, 4])],
  ['softmax', (x) => tf.softmax(x)],
  ['logSoftmax', (x) => tf.logSoftmax(x)],
];

const NO_GRADIENT = new Set(['stridedSlice', 'gatherND', 'reverse']);

describe.each(MOVES)('%s', (name, op) => {
  it('equals cpu with its gradient', async () => {
    await expectSame(() => {
      const x = distinct([3, 2, 4], 1);
      const y = op(x);
      return NO_GRADIENT.has(name) ? [y] : [y, tf.grad(op)(x, distinct(y.shape, 2))];
    });
  });
});

it('gathers within batches', async () => {
  await expectSame(() => {
    const indices = tf.tensor2d(
      [
        [0, 3],
        [1, 1],
        [2, 0],
      ],
      [3, 2],
      'int32',
    );
    return tf.gather(distinct([3, 4, 2], 1), indices, 1, 1);
  }, 0);
});

it('makes one-hot vectors, with nothing for negative indices', async () => {
  await expectSame(() => {
    const indices = tf.tensor2d(
      [
        [0, 2],
        [-1, 3],
      ],
      [2, 2],
      'int32',
    );
    return [tf.oneHot(indices, 4), tf.oneHot(indices, 3, 0.9, 0.1, 'float32')];
  });
});

it('adds up segments and scatters', async () => {
  await expectSame(() => {
    const ids = tf.tensor1d([0, 2, -1, 2, 9], 'int32');
    const updates = distinct([3, 2], 2);
    return [
      tf.unsortedSegmentSum(distinct([5, 3], 1), ids, 4),
      tf.scatterND(tf.tensor2d([[1], [3], [1]], [3, 1], 'int32'), updates, [4, 2]),
    ];
  });
});

it('multiplies matrices in every orientation', async () => {
  await expectSame(() =>
    [false, true].flatMap((left) =>
      [false, true].flatMap((right) => {
        const product = (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, left, right);
        const a = distinct(left ? [5, 3] : [3, 5], 1);
        const b = distinct(right ? [4, 5] : [5, 4], 2);
        const batches = [tf.stack([a, a.mul(2)]), tf.stack([b, b.mul(3)])];
        return [
          product(a, b),
          ...tf.grads(product)([a, b]),
          product(batches[0], batches[1]),
          ...tf.grads(product)(batches),
          product(batches[0], b),
        ];
      }),
    ),
  );
});

it('contracts by equation', async () => {
  await expectSame(() => [
    tf.einsum('bij,jk->bik', distinct([2, 3, 4], 1), distinct([4, 5], 2)),
    tf.einsum('ij->ji', distinct([2, 3], 1)),
  ]);
});

it('fuses bias and activation', async () => {
  await expectSame(() =>
    (['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const).map((activation) =>
      tf.fused.matMul({
        a: distinct([3, 4], 1),
        b: distinct([4, 2], 2),
        bias: distinct([2], 3),
        activation,
        leakyreluAlpha: 0.3,
      }),
    ),
  );
});

it('names both shapes when matrices do not fit', () => {
  expect(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]))).toThrow(/\[2,3\] and \[2,3\]/);
});
