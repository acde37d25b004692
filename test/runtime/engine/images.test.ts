import { describe, expect, it } from '@jest/globals';
import { engineCounters, resetEngineCounters } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct, expectSame } from './compare.ts';

interface ConvolutionCase {
  image: [number, number, number, number];
  filter: [number, number, number, number];
  strides: number;
  pad: 'same' | 'valid' | [[0, 0], [number, number], [number, number], [0, 0]];
}

const CONVOLUTIONS: ConvolutionCase[] = [
  { image: [2, 6, 6, 1], filter: [3, 3, 1, 4], strides: 1, pad: 'same' },
  { image: [2, 7, 6, 3], filter: [3, 2, 3, 5], strides: 1, pad: 'valid' },
  { image: [1, 8, 8, 16], filter: [3, 3, 16, 8], strides: 1, pad: 'same' },
  { image: [2, 8, 8, 17], filter: [3, 3, 17, 4], strides: 2, pad: 'same' },
  { image: [1, 7, 9, 2], filter: [3, 3, 2, 3], strides: 3, pad: 'valid' },
  { image: [2, 5, 5, 2], filter: [1, 1, 2, 3], strides: 1, pad: 'valid' },
  {
    image: [1, 6, 5, 2],
    filter: [3, 3, 2, 2],
    strides: 1,
    pad: [
      [0, 0],
      [1, 2],
      [0, 1],
      [0, 0],
    ],
  },
];

describe('conv2d', () => {
  it.each(CONVOLUTIONS)(
    'equals cpu with its gradients: $image * $filter / $strides $pad',
    async (c) => {
      await expectSame(() => {
        const run = (x: tf.Tensor, filter: tf.Tensor) =>
          tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, c.strides, c.pad);
        const [x, filter] = [distinct(c.image, 1), distinct(c.filter, 2)];
        const y = run(x, filter);
        return [y, ...tf.grads(run)([x, filter], distinct(y.shape, 3))];
      });
    },
  );

  it('dilates', async () => {
    await expectSame(() =>
      tf.conv2d(
        distinct([1, 8, 8, 2], 1) as tf.Tensor4D,
        distinct([3, 3, 2, 3], 2) as tf.Tensor4D,
        1,
        'same',
        'NHWC',
        2,
      ),
    );
  });

  it('transposes', async () => {
    await expectSame(() =>
      tf.conv2dTranspose(
        distinct([2, 4, 4, 3], 1) as tf.Tensor4D,
        distinct([3, 3, 2, 3], 2) as tf.Tensor4D,
        [2, 8, 8, 2],
        2,
        'same',
      ),
    );
  });
});

/** Random geometries with channels that fill blocks of 16, and some that just do not. */
const BLOCKED: ConvolutionCase[] = Array.from({ length: 16 }, (_, seed) => {
  const pick = <T>(list: T[], salt: number): T =>
    list[Math.floor(Math.abs(Math.sin(seed * 12.9898 + salt * 78.233)) * 1e4) % list.length];
  const [height, width] = [pick([4, 5, 6], 1), pick([4, 5, 7], 2)];
  const [inner, outer] = [pick([1, 3, 16, 32, 20], 3), pick([16, 16, 32, 24], 4)];
  const explicit: ConvolutionCase['pad'] = [[0, 0], [1, 0], [0, 2], [0, 0]]; // prettier-ignore
  return {
    image: [pick([1, 8, 9, 16, 18], 5), height, width, inner],
    filter: [pick([1, 3, 2], 6), pick([1, 3, 3, 2], 7), inner, outer],
    strides: pick([1, 1, 2, 3], 8),
    pad: pick(['same', 'same', 'valid', explicit], 9),
  };
});

describe('conv2d in blocks of channels', () => {
  it.each(BLOCKED)('equals cpu with its gradients: $image * $filter / $strides $pad', async (c) => {
    await expectSame(() => {
      const run = (x: tf.Tensor, filter: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, c.strides, c.pad);
      const [x, filter] = [distinct(c.image, 1), distinct(c.filter, 2)];
      const y = run(x, filter);
      return [y, ...tf.grads(run)([x, filter], distinct(y.shape, 3))];
    });
  });

  it('divides long images into bands', async () => {
    await expectSame(() => {
      const x = distinct([2, 10, 32, 16], 2) as tf.Tensor4D;
      const run = (filter: tf.Tensor) => tf.conv2d(x, filter as tf.Tensor4D, 1, 'same');
      return tf.grad(run)(distinct([2, 1, 16, 64], 1), distinct([2, 10, 32, 64], 3));
    });
  });

  it('dilates', async () => {
    await expectSame(() => {
      const [x, filter] = [distinct([2, 7, 8, 16], 1), distinct([3, 3, 16, 16], 2)];
      return tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same', 'NHWC', 2);
    });
  });

  it('stays equal through bias, relu, pools, sums, scales and masks of other shapes', async () => {
    await expectSame(() => {
      const run = (...[x, first, bias, second, scale, plane]: tf.Tensor[]) => {
        const image = tf.conv2d(x as tf.Tensor4D, first as tf.Tensor4D, 1, 'same');
        const one = tf.relu(tf.add<tf.Tensor4D>(image, bias));
        const pooled = tf.maxPool(one, 2, 2, 'valid');
        const two = tf.conv2d(pooled, second as tf.Tensor4D, 1, 'same');
        const residual = tf.add(pooled, tf.mul(tf.sigmoid(two), scale));
        const masked = tf.mul<tf.Tensor4D>(residual, plane);
        const chosen = tf.where(distinct([16, 3, 4, 16], 8).greater(0.1), masked, tf.neg(two));
        const mean = tf.avgPool(chosen, 3, 1, 'same');
        return tf.concat([tf.mean(mean, [1, 2]), tf.max(mean, [1, 2])], 1);
      };
      const inputs = [
        distinct([16, 6, 8, 3], 1),
        distinct([3, 3, 3, 16], 2, -0.5, 0.5),
        distinct([16], 3),
        distinct([3, 3, 16, 16], 4, -0.2, 0.2),
        distinct([16], 5),
        distinct([1, 3, 4, 1], 6),
      ];
      return [run(...inputs), ...tf.grads(run)(inputs, distinct([16, 32], 7))];
    });
  });

  it('reads a relu and its convolution both', async () => {
    await expectSame(() => {
      const run = (x: tf.Tensor, f: tf.Tensor) => {
        const y = tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'valid');
        return tf.mul(tf.relu(y), tf.exp(tf.mul(y, 0.1)));
      };
      const inputs = [distinct([2, 5, 5, 16], 1), distinct([3, 3, 16, 16], 2, -0.3, 0.3)];
      return [run(inputs[0], inputs[1]), ...tf.grads(run)(inputs)];
    });
  });
});

describe('depthwiseConv2d', () => {
  it.each([
    { strides: 1, pad: 'same' as const, channels: 3, multiplier: 1 },
    { strides: 2, pad: 'valid' as const, channels: 3, multiplier: 2 },
    { strides: 1, pad: 'same' as const, channels: 32, multiplier: 1 },
    { strides: 2, pad: 'same' as const, channels: 16, multiplier: 1 },
    { strides: 1, pad: 'valid' as const, channels: 16, multiplier: 2 },
  ])(
    'equals cpu with its gradients: $strides $pad $channels x$multiplier',
    async ({ strides, pad, channels, multiplier }) => {
      await expectSame(() => {
        const run = (x: tf.Tensor, filter: tf.Tensor) =>
          tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad);
        const [x, filter] = [
          distinct([2, 7, 7, channels], 1),
          distinct([3, 3, channels, multiplier], 2),
        ];
        const y = run(x, filter);
        return [y, ...tf.grads(run)([x, filter], distinct(y.shape, 3))];
      });
    },
  );
});

describe.each<['maxPool' | 'avgPool']>([['maxPool'], ['avgPool']])('%s', (name) => {
  it.each<[number[], number, number, 'same' | 'valid']>([
    [[2, 4, 6, 3], 2, 2, 'valid'],
    [[2, 5, 7, 3], 2, 2, 'valid'],
    [[2, 5, 7, 3], 2, 2, 'same'],
    [[1, 7, 7, 2], 3, 2, 'valid'],
    [[1, 6, 6, 2], 3, 1, 'same'],
    [[1, 6, 6, 2], 2, 3, 'valid'],
    [[2, 4, 6, 16], 2, 2, 'valid'],
    [[2, 5, 7, 32], 2, 2, 'same'],
    [[1, 7, 7, 16], 3, 2, 'same'],
    [[1, 6, 6, 16], 3, 1, 'valid'],
  ])('equals cpu with its gradient: %j by %i every %i, %s', async (shape, size, strides, pad) => {
    await expectSame(() => {
      const run = (x: tf.Tensor) => tf[name](x as tf.Tensor4D, size, strides, pad);
      const x = distinct(shape, 1);
      const y = run(x);
      return [y, tf.grad(run)(x, distinct(y.shape, 2))];
    });
  });
});

it.each([2, 16])('gives a tied maximum to the first pixel: %i channels', async (channels) => {
  await expectSame(() => {
    const run = (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid');
    const levels = tf.floor(distinct([2, 6, 4, channels], 2));
    const dy = distinct([2, 3, 2, channels], 1);
    return [tf.grad(run)(tf.onesLike(levels), dy), tf.grad(run)(levels, dy)];
  }, 0);
});

it('chains convolution, bias, relu, pool and their gradients as cpu does', async () => {
  await expectSame(() => {
    const run = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) => {
      const image = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
      return tf.maxPool(tf.relu(tf.add<tf.Tensor4D>(image, bias)), 2, 2, 'valid');
    };
    const inputs = [distinct([2, 6, 6, 2], 1), distinct([3, 3, 2, 4], 2), distinct([4], 3)];
    return [run(inputs[0], inputs[1], inputs[2]), ...tf.grads(run)(inputs)];
  });
});

it('keeps a relu mask that belongs to another relu than the pool', async () => {
  await expectSame(() => {
    const run = (x: tf.Tensor) => {
      const pooled = tf.maxPool(tf.relu(x) as tf.Tensor4D, 2, 2, 'valid');
      return tf.add(tf.sum(pooled), tf.sum(tf.mul(tf.relu(tf.neg(x)), x)));
    };
    return tf.grad(run)(distinct([1, 4, 4, 2], 1));
  });
});

it.each([2, 16])('normalises batches with gradients: %i channels', async (channels) => {
  await expectSame(() => {
    const run = (x: tf.Tensor, offset: tf.Tensor, scale: tf.Tensor) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.batchNorm(x, mean, variance, offset, scale, 1e-3);
    };
    const inputs = [distinct([3, 4, 4, channels], 1), distinct([channels], 2)];
    inputs.push(distinct([channels], 3));
    return [
      run(inputs[0], inputs[1], inputs[2]),
      ...tf.grads(run)(inputs, distinct([3, 4, 4, channels], 4)),
    ];
  });
});

it('normalises what a convolution made, in training, as cpu does', async () => {
  await expectSame(() => {
    const run = (x: tf.Tensor, filter: tf.Tensor, offset: tf.Tensor, scale: tf.Tensor) => {
      const image = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
      const { mean, variance } = tf.moments(image, [0, 1, 2]);
      const normal = tf.batchNorm(image, mean, variance, offset, scale, 1e-3);
      return tf.add(tf.relu(normal), tf.add(tf.mul(image, scale), image));
    };
    const inputs = [distinct([2, 4, 5, 3], 1), distinct([3, 3, 3, 16], 2)];
    inputs.push(distinct([16], 3), distinct([16], 4));
    const y = run(inputs[0], inputs[1], inputs[2], inputs[3]);
    return [y, ...tf.grads(run)(inputs, distinct(y.shape, 5))];
  });
});

it('fuses convolution, bias and activation', async () => {
  resetEngineCounters();
  await expectSame(() =>
    (['linear', 'relu', 'sigmoid'] as const).map((activation) =>
      tf.fused.conv2d({
        x: distinct([1, 5, 5, 2], 1) as tf.Tensor4D,
        filter: distinct([3, 3, 2, 4], 2) as tf.Tensor4D,
        strides: 1,
        pad: 'same',
        bias: distinct([4], 3),
        activation,
      }),
    ),
  );
  expect(engineCounters().fallbacks).toEqual({});
});

it('moves blocks between space and batch', async () => {
  await expectSame(() => {
    const x = distinct([2, 4, 6, 3], 1) as tf.Tensor4D;
    const batch = tf.spaceToBatchND(
      x,
      [2, 2],
      [
        [0, 0],
        [2, 0],
      ],
    );
    return [
      batch,
      tf.batchToSpaceND(
        batch,
        [2, 2],
        [
          [0, 0],
          [2, 0],
        ],
      ),
      tf.depthToSpace(distinct([1, 2, 2, 8], 2) as tf.Tensor4D, 2),
    ];
  }, 0);
});
