import { afterEach, describe, expect, it } from '@jest/globals';
import { engineCounters, selectBackend } from '../../../../runtime/src/engine/index.ts';
import { gelu } from '../../../../runtime/src/engine/ops/gelu.ts';
import { layerNorm } from '../../../../runtime/src/engine/ops/layerNorm.ts';
import * as tf from '../../../../runtime/src/engine/tf.ts';
import { difference, distinct, expectSame, onBoth } from '../compare.ts';

afterEach(() => selectBackend({ accelerator: 'cpu' }));

/** Layer normalisation as tfjs's documentation would have it. */
function plainNorm(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(normal, scale), shift);
}

function plainGelu(x: tf.Tensor, approximate: 'none' | 'tanh'): tf.Tensor {
  if (approximate === 'none')
    return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, 0.5 ** 0.5)), 1));
  const inner = tf.add(x, tf.mul(tf.pow(x, 3), 0.044715));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(tf.mul(inner, Math.sqrt(2 / Math.PI))), 1));
}

/** Value and gradients of a function of some inputs, weighted so that no sum is trivial. */
function withGradients(
  f: (x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) => tf.Tensor,
  inputs: tf.Tensor[],
): tf.Tensor[] {
  const { value, grads } = tf.valueAndGrads((...args: tf.Tensor[]) => f(args[0], args[1], args[2]))(
    inputs,
    distinct(inputs[0].shape, 9),
  );
  return [value, ...grads];
}

const shapes = [[5, 7], [2, 3, 16], [64, 33], [8], [2, 2, 2, 4]];

describe.each(shapes.map((shape) => [shape.join(' x '), shape] as const))(
  'layerNorm of %s',
  (_, shape) => {
    const width = shape[shape.length - 1];
    const inputs = () => [
      distinct([...shape], 1, -3, 5),
      distinct([width], 2),
      distinct([width], 3),
    ];

    it('agrees with cpu in value and gradients', () =>
      expectSame(() => withGradients(layerNorm, inputs())));

    it('is the formula, with its gradients', async () => {
      const fused = await onBoth(() => withGradients(layerNorm, inputs()));
      const plain = await onBoth(() => withGradients(plainNorm, inputs()));
      fused.ort.forEach(({ values, shape: found }, index) => {
        expect(found).toEqual(plain.cpu[index].shape);
        expect(difference(values, plain.cpu[index].values)).toBeLessThan(1e-4);
      });
    });
  },
);

describe.each(['none', 'tanh'] as const)('gelu, approximate: %s', (approximate) => {
  const inputs = () => [distinct([7, 33], 4, -6, 6)];

  it('agrees with cpu in value and gradient', () =>
    expectSame(() => withGradients((x) => gelu(x, approximate), inputs())));

  it('is the formula, with its gradient', async () => {
    const fused = await onBoth(() => withGradients((x) => gelu(x, approximate), inputs()));
    const plain = await onBoth(() => withGradients((x) => plainGelu(x, approximate), inputs()));
    fused.ort.forEach(({ values }, index) => {
      expect(difference(values, plain.cpu[index].values)).toBeLessThan(1e-4);
    });
  });

  it('keeps far values and their gradients finite', async () => {
    const far = () =>
      withGradients((x) => gelu(x, approximate), [tf.tensor1d([-50, -9, 0, 9, 50])]);
    const { ort } = await onBoth(far);
    expect(Array.from(ort[0].values).map((value) => Math.abs(Math.round(value)))).toEqual([
      0, 0, 0, 9, 50,
    ]);
    expect(Array.from(ort[1].values).every(Number.isFinite)).toBe(true);
  });
});

describe('fused operations', () => {
  const network = (x: tf.Tensor) =>
    tf.sum<tf.Scalar>(gelu(layerNorm(x, tf.ones([4]), tf.zeros([4])), 'tanh'));

  it('can be differentiated twice', () =>
    expectSame(() => {
      const slope = (x: tf.Tensor) => tf.sum(tf.square(tf.grad(network)(x)));
      return tf.grad(slope)(distinct([3, 4], 5));
    }, 1e-3));

  it('run without fallback', async () => {
    await selectBackend({ accelerator: 'ort', threads: 1 });
    const before = engineCounters().fallbacks;
    tf.tidy(() =>
      tf
        .grad(network)(distinct([3, 4], 6))
        .dataSync(),
    );
    expect(engineCounters().fallbacks).toEqual(before);
  });

  it('work where no kernel exists', async () => {
    const registered = tf.getKernel('Gelu', 'cpu');
    const norm = tf.getKernel('LayerNorm', 'cpu');
    const { ort } = await onBoth(() => tf.grad(network)(distinct([3, 4], 6)));
    await selectBackend({ accelerator: 'cpu' });
    for (const kernel of ['Gelu', 'LayerNorm']) tf.unregisterKernel(kernel, 'cpu');
    const composed = tf.tidy(() => [
      ...tf
        .grad(network)(distinct([3, 4], 6))
        .dataSync(),
    ]);
    tf.registerKernel(registered);
    tf.registerKernel(norm);
    expect(difference(composed, ort[0].values)).toBeLessThan(1e-4);
  });
});
