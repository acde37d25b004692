import { afterEach, describe, expect, it } from '@jest/globals';
import { engineCounters, selectBackend } from '../../../../runtime/src/engine/index.ts';
import { fuseLayers } from '../../../../runtime/src/engine/ops/fuseLayers.ts';
import * as tf from '../../../../runtime/src/engine/tf.ts';
import { difference, distinct } from '../compare.ts';

afterEach(() => selectBackend({ accelerator: 'cpu' }));

/** Layer normalisation as the documentation of the layer has it. */
function formula(x: tf.Tensor, axes: number[], scale: number, shift: number): tf.Tensor {
  const { mean, variance } = tf.moments(x, axes, true);
  const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)));
  return tf.add(tf.mul(normal, scale), shift);
}

function layer(axis: number | number[], center = true) {
  return tf.layers.layerNormalization({
    axis,
    center,
    gammaInitializer: tf.initializers.constant({ value: 1.5 }),
    betaInitializer: tf.initializers.constant({ value: -0.5 }),
  });
}

/** Value and input gradient of a layer, and those of what it should compute. */
function expectAgreement(found: (x: tf.Tensor) => tf.Tensor, wanted: (x: tf.Tensor) => tf.Tensor) {
  tf.tidy(() => {
    const x = distinct([3, 4, 6], 3, -3, 4);
    const dy = distinct([3, 4, 6], 4);
    const [a, b] = [found, wanted].map((f) => [f(x), tf.grad(f)(x, dy)]);
    a.forEach((tensor, index) => {
      expect(difference(tensor.dataSync(), b[index].dataSync())).toBeLessThan(1e-4);
    });
  });
}

describe.each(['ort', 'cpu'])("tfjs-layers' own layers on %s", (accelerator) => {
  it.each([
    ['the last axis', -1, true],
    ['the last axis by number', 2, true],
    ['another axis', 1, true],
    ['two axes', [1, 2], true],
    ['the last axis without shift', -1, false],
  ])('normalise over %s', async (_, axis, center) => {
    await selectBackend({ accelerator, threads: 1 });
    const subject = layer(axis, center);
    const axes = [axis].flat().map((index) => (index < 0 ? 2 : index));
    expectAgreement(
      (x) => subject.apply(x) as tf.Tensor,
      (x) => formula(x, axes, 1.5, center ? -0.5 : 0),
    );
  });

  it.each(['gelu', 'gelu_new'] as const)('apply %s', async (activation) => {
    await selectBackend({ accelerator, threads: 1 });
    const subject = tf.layers.activation({ activation });
    const share = (x: tf.Tensor) =>
      activation === 'gelu'
        ? tf.erf(tf.div(x, Math.SQRT2))
        : tf.tanh(tf.mul(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI)));
    expectAgreement(
      (x) => subject.apply(x) as tf.Tensor,
      (x) => tf.mul(tf.mul(x, 0.5), tf.add(share(x), 1)),
    );
  });
});

it('a normalisation over the last axis is one kernel, also when fused twice', async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
  fuseLayers();
  const subject = layer(-1);
  tf.tidy(() => {
    const x = distinct([2, 6], 5);
    subject.apply(x);
    const before = engineCounters().recorded;
    subject.apply(x);
    expect(engineCounters().recorded - before).toBe(1);
  });
});
