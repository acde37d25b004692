import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { SGD } from '../../../../runtime/src/core/optim/index.ts';
import { pagesFor } from '../../../../runtime/src/engine/arena/layout.ts';
import { ParameterArena } from '../../../../runtime/src/engine/arena/parameterArena.ts';
import { computeGradients } from '../../../../runtime/src/engine/gradients.ts';
import { selectBackend } from '../../../../runtime/src/engine/index.ts';

describe.each(['ort', 'cpu'])('parameter arena on %s', (accelerator) => {
  let a: tf.Variable;
  let b: tf.Variable;
  let arena: ParameterArena;
  beforeAll(async () => {
    await selectBackend({ accelerator, threads: 1 });
  });
  beforeEach(() => {
    a = tf.variable(tf.tensor2d([[1, 2, 3]]));
    b = tf.variable(tf.scalar(10));
    arena = new ParameterArena([
      { name: 'a', variable: a },
      { name: 'b', variable: b },
    ]);
  });

  it('holds the values, each parameter at a cache line', () => {
    expect(arena.segments).toEqual([
      { name: 'a', offset: 0, length: 3, shape: [1, 3] },
      { name: 'b', offset: 16, length: 1, shape: [] },
    ]);
    expect([...arena.values.slice(0, 4)]).toEqual([1, 2, 3, 0]);
    expect(arena.values[16]).toBe(10);
    expect(arena.grads).toHaveLength(32);
  });

  it('keeps aliases, clones, reshapes and lazy readers at the old values', () => {
    const alias = a.clone();
    const reshaped = tf.reshape(a, [3]);
    const doubled = tf.mul(a, 2);
    const detached = tf.variable(a);
    subtractOne();
    expect([...a.dataSync()]).toEqual([0, 1, 2]);
    expect([...alias.dataSync()]).toEqual([1, 2, 3]);
    expect([...reshaped.dataSync()]).toEqual([1, 2, 3]);
    expect([...doubled.dataSync()]).toEqual([2, 4, 6]);
    expect([...detached.dataSync()]).toEqual([1, 2, 3]);
    subtractOne();
    expect([...a.dataSync()]).toEqual([-1, 0, 1]);
    expect([...alias.dataSync()]).toEqual([1, 2, 3]);
  });

  it('keeps a moving average that reads the values lazily exact', () => {
    let average: tf.Tensor = tf.zeros([1, 3]);
    for (let step = 0; step < 3; step++) {
      average = tf.add(tf.mul(average, 0.5), tf.mul(a, 0.5));
      subtractOne();
    }
    // 0.125 * (1, 2, 3) + 0.25 * (0, 1, 2) + 0.5 * (-1, 0, 1)
    expect([...average.dataSync()]).toEqual([-0.375, 0.5, 1.375]);
  });

  it('takes over values that were assigned, before the next write', () => {
    a.assign(tf.tensor2d([[5, 6, 7]]));
    subtractOne();
    expect([...a.dataSync()]).toEqual([4, 5, 6]);
    expect([...arena.values.slice(0, 3)]).toEqual([4, 5, 6]);
    expect(b.dataSync()[0]).toBe(9);
  });

  it('does not change a tensor that was assigned to a variable', () => {
    const initial = tf.tensor2d([[5, 6, 7]]);
    a.assign(initial);
    subtractOne();
    expect([...initial.dataSync()]).toEqual([5, 6, 7]);
  });

  it('weights accumulated gradients by their samples', () => {
    arena.grads.fill(1);
    arena.accumulate(30);
    arena.grads.fill(4);
    arena.accumulate(10);
    expect(arena.accumulatedWeight).toBe(40);
    arena.finishAccumulation();
    expect(arena.grads[0]).toBeCloseTo(1.75, 6);
    expect([arena.accumulatedWeight, arena.accumulation[0]]).toEqual([0, 0]);
    arena.grads.fill(3);
    arena.accumulate(5);
    arena.finishAccumulation(10);
    expect(arena.grads[0]).toBeCloseTo(1.5, 6);
  });

  it('gives the variables their own storage when it is disposed', () => {
    arena.dispose();
    arena.values.fill(99);
    expect([...a.dataSync()]).toEqual([1, 2, 3]);
  });

  it('neither leaks tensors nor grows over many updates', () => {
    const step = (): void => {
      computeGradients(() => tf.sum(tf.mul(a, b)), arena).dispose();
      subtractOne();
    };
    step();
    const before = tf.memory().numTensors;
    for (let count = 0; count < 50; count++) step();
    expect(tf.memory().numTensors).toBe(before);
  });

  function subtractOne(): void {
    arena.beginWrite();
    for (const segment of arena.segments) {
      const view = arena.part(arena.values, segment);
      view.forEach((value, index) => {
        view[index] = value - 1;
      });
    }
    arena.endWrite();
  }
});

describe('what an arena refuses', () => {
  beforeAll(async () => {
    await selectBackend({ accelerator: 'cpu' });
  });

  it('refuses no parameters, integers, and two of a name', () => {
    const one = tf.variable(tf.scalar(1));
    expect(() => new ParameterArena([])).toThrow(/no trainable parameters/);
    expect(
      () => new ParameterArena([{ name: 'n', variable: tf.variable(tf.scalar(1, 'int32')) }]),
    ).toThrow(/"n": expected float32, got int32/);
    expect(
      () =>
        new ParameterArena([
          { name: 'w', variable: one },
          { name: 'w', variable: one },
        ]),
    ).toThrow(/Two parameters have the name "w"/);
  });

  it('refuses more state than was reserved, and more than 4 GB', () => {
    const arena = new ParameterArena([{ name: 'w', variable: tf.variable(tf.scalar(1)) }], {
      slots: 1,
    });
    expect(arena.slot('x')).toBe(arena.slot('x'));
    expect(() => arena.slot('y')).toThrow(/1 were reserved/);
    expect(() => {
      new SGD({ momentum: 0.9 }).bind(arena);
    }).toThrow(/momentum_buffer/);
    expect(() => pagesFor(2 ** 28, 4)).toThrow(/4 GB/);
    expect(pagesFor(2 ** 28 - 2 ** 14, 4)).toBe(65_532);
  });
});
