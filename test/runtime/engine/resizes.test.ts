import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  engineCounters,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { difference, distinct, expectSame } from './compare.ts';

beforeEach(resetEngineCounters);
afterEach(() => {
  expect(engineCounters().fallbacks).toEqual({});
});

type Size = [number, number];
type Name = 'resizeBilinear' | 'resizeNearestNeighbor';
const NAMES: [Name][] = [['resizeBilinear'], ['resizeNearestNeighbor']];

describe.each(NAMES)('%s', (name) => {
  const resize = (x: tf.Tensor, size: Size, alignCorners: boolean, half = false) =>
    tf.image[name](x as tf.Tensor4D, size, alignCorners, half);

  it.each<[number[], Size, boolean, boolean]>([
    [[2, 3, 4, 3], [6, 8], false, false],
    [[2, 3, 4, 1], [7, 5], true, false],
    [[1, 5, 5, 2], [2, 9], false, true],
    [[1, 4, 4, 2], [1, 1], true, false],
  ])('equals cpu: %j to %j, corners %s, half pixels %s', async (shape, size, align, half) => {
    await expectSame(() => resize(distinct(shape, 1), size, align, half));
  });

  // The cpu kernels mix up the gradients of other images: square ones, one at a time, are right.
  it.each<[number, Size, boolean, number]>([
    [3, [6, 6], false, 2],
    [4, [7, 9], true, 17],
    [6, [3, 3], false, 1],
    [5, [3, 4], true, 2],
  ])(
    'has the gradient that cpu has: %i to %j, corners %s, %i channels',
    async (width, size, align, channels) => {
      await expectSame(() => {
        const x = distinct([1, width, width, channels], 1);
        return tf.grad((image) => resize(image, size, align))(
          x,
          distinct([1, ...size, channels], 2),
        );
      });
    },
  );

  it('has the right gradient for a batch of images that are not square', async () => {
    await selectBackend({ accelerator: 'ort', threads: 1 });
    const [shape, size]: [number[], Size] = [
      [2, 3, 2, 2],
      [6, 5],
    ];
    const dy = distinct([2, ...size, 2], 2);
    const gradient = tf.grad((image) => resize(image, size, false))(tf.zeros(shape), dy);
    // A linear map: what a unit at each place contributes to the product with dy.
    const count = tf.util.sizeFromShape(shape);
    const units = tf.reshape(tf.eye(count), [count * 2, 3, 2, 2]);
    const images = tf.reshape(resize(units, size, false), [count, ...dy.shape]);
    const expected = tf.sum(tf.mul(images, dy), [1, 2, 3, 4]);
    expect(difference(gradient.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
  });
});

it('repeats pixels and adds up their gradients when it upsamples', async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
  const run = (x: tf.Tensor) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [4, 4]);
  const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2, 1]);
  expect([...run(x).dataSync()].slice(0, 8)).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  expect([
    ...tf
      .grad(run)(x, tf.ones([2, 4, 4, 1]))
      .dataSync(),
  ]).toEqual(Array(8).fill(4));
});

it.each<['bilinear' | 'nearest', Size]>([
  ['bilinear', [3, 4]],
  ['nearest', [3, 4]],
  ['bilinear', [1, 1]],
])('crops boxes as cpu does: %s to %j', async (method, size) => {
  await expectSame(() => {
    const edges = [0, 0, 1, 1, 0.2, 0.1, 0.7, 0.9, -0.5, 0.5, 0.5, 1.5, 0.9, 0.8, 0.1, 0.2];
    const owners = tf.tensor1d([0, 1, 1, 0], 'int32');
    const image = distinct([2, 5, 6, 3], 1) as tf.Tensor4D;
    return tf.image.cropAndResize(image, tf.tensor2d(edges, [4, 4]), owners, size, method, 7);
  });
});
