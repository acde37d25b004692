import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { ParameterArena } from '../../../runtime/src/engine/arena/parameterArena.ts';
import { computeGradients } from '../../../runtime/src/engine/gradients.ts';
import { selectBackend } from '../../../runtime/src/engine/index.ts';

describe.each(['ort', 'cpu'])('computeGradients on %s', (accelerator) => {
  let w: tf.Variable;
  let unused: tf.Variable;
  let arena: ParameterArena;
  beforeAll(async () => {
    await selectBackend({ accelerator, threads: 1 });
  });
  beforeEach(() => {
    w = tf.variable(tf.tensor1d([1, -2, 3]));
    unused = tf.variable(tf.tensor1d([4, 5]));
    arena = new ParameterArena([
      { name: 'unused', variable: unused },
      { name: 'w', variable: w },
    ]);
  });

  it('writes gradients in their places, zeros for parameters that are not used', () => {
    arena.grads.fill(77);
    const loss = computeGradients(() => tf.sum(tf.square(w)), arena);
    expect(loss.dataSync()[0]).toBe(14);
    expect([...arena.part(arena.grads, arena.segments[1])]).toEqual([2, -4, 6]);
    expect([...arena.part(arena.grads, arena.segments[0])]).toEqual([0, 0]);
  });

  it('writes one gradient tensor for two parameters that share it', () => {
    const v = tf.variable(tf.tensor1d([0, 0, 0]));
    const both = new ParameterArena([
      { name: 'v', variable: v },
      { name: 'w', variable: w },
    ]);
    computeGradients(() => tf.sum(tf.square(tf.add(v, w))), both);
    for (const segment of both.segments) {
      expect([...both.part(both.grads, segment)]).toEqual([2, -4, 6]);
    }
  });

  it('keeps the loss through an outer tidy, and nothing else', () => {
    const before = tf.memory().numTensors;
    let loss: tf.Scalar | undefined;
    tf.tidy(() => {
      loss = computeGradients(() => tf.mean(tf.square(w)), arena);
    });
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(loss?.dataSync()[0]).toBeCloseTo(14 / 3, 6);
    loss?.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    ['nothing', () => undefined, /got nothing/],
    ['a number', () => 3, /got number/],
    ['a vector', () => tf.square(w), /a tensor of shape \[3\]/],
    ['an integer', () => tf.sum(tf.cast(w, 'int32')), /expected a float32 loss, got int32/],
    [
      'an exception',
      () => {
        tf.square(w);
        throw new RangeError('mine');
      },
      /^mine$/,
    ],
    ['a constant', () => tf.scalar(1), /depends on none of the trainable parameters unused, w\./],
  ])('refuses %s as loss without leaking', (_, lossFn, message) => {
    const before = tf.memory().numTensors;
    expect(() => computeGradients(lossFn as () => tf.Scalar, arena)).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    expect(computeGradients(() => tf.sum(w), arena).dataSync()[0]).toBe(2);
  });
});
