import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { engineCounters, resetEngineCounters } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct, expectSame } from './compare.ts';

beforeEach(resetEngineCounters);
afterEach(() => {
  expect(engineCounters().fallbacks).toEqual({});
});

/** The result of a function and its gradients with respect to all of its inputs. */
function withGradients(run: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]) {
  const y = run(...inputs);
  return [y, ...tf.grads(run)(inputs, distinct(y.shape, 99))];
}

describe('conv3d', () => {
  it.each<[number[], number[], number | [number, number, number], 'same' | 'valid']>([
    [[2, 4, 5, 6, 3], [2, 3, 3, 3, 4], 1, 'same'],
    [[2, 4, 5, 6, 3], [2, 3, 3, 3, 4], 1, 'valid'],
    [[1, 5, 6, 7, 2], [3, 3, 2, 2, 3], 2, 'same'],
    [[2, 6, 5, 8, 1], [2, 2, 3, 1, 2], [2, 1, 3], 'valid'],
    [[1, 3, 3, 3, 2], [1, 1, 1, 2, 5], 1, 'valid'],
  ])('equals cpu with its gradients: %j * %j / %j %s', async (image, filter, strides, pad) => {
    await expectSame(() =>
      withGradients(
        (x, w) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, strides, pad),
        [distinct(image, 1), distinct(filter, 2)],
      ),
    );
  });

  it('dilates and transposes', async () => {
    await expectSame(() => {
      const [x, w] = [distinct([1, 6, 6, 6, 2], 1), distinct([2, 2, 2, 2, 3], 2)];
      const small = distinct([1, 3, 3, 3, 3], 3);
      return [
        tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'valid', 'NDHWC', 2),
        tf.conv3dTranspose(small as tf.Tensor5D, w as tf.Tensor5D, [1, 6, 6, 6, 2], 2, 'same'),
      ];
    });
  });
});

describe.each<['maxPool3d' | 'avgPool3d']>([['maxPool3d'], ['avgPool3d']])('%s', (name) => {
  it.each<[number[], number, number, 'same' | 'valid']>([
    [[2, 4, 4, 6, 3], 2, 2, 'valid'],
    [[1, 5, 5, 7, 2], 2, 2, 'same'],
    [[1, 5, 6, 7, 2], 2, 2, 'valid'],
    [[1, 5, 5, 5, 2], 3, 2, 'same'],
    [[1, 4, 4, 4, 2], 3, 1, 'same'],
    [[1, 5, 5, 5, 1], 2, 3, 'valid'],
  ])('equals cpu with its gradient: %j by %i every %i, %s', async (shape, size, strides, pad) => {
    await expectSame(() =>
      withGradients((x) => tf[name](x as tf.Tensor5D, size, strides, pad), [distinct(shape, 1)]),
    );
  });
});

it('gives a tied maximum of a volume to its last element, as cpu does', async () => {
  await expectSame(() => {
    const run = (x: tf.Tensor) => tf.maxPool3d(x as tf.Tensor5D, 2, 2, 'valid');
    return tf.grad(run)(tf.ones([1, 4, 4, 4, 2]), distinct([1, 2, 2, 2, 2], 1));
  }, 0);
});
