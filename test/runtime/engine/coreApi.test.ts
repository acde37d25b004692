import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  engineCounters,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';

// tfjs's own functions around tensors; `cpu` shows what they do everywhere else.
describe.each(['ort', 'cpu'])('on %s', (accelerator) => {
  beforeEach(async () => {
    await selectBackend({ accelerator, threads: 1 });
  });

  it('reads values in every form', async () => {
    const x = tf.square(tf.tensor2d([1, 2, 3, 4], [2, 2]));
    expect(x.dataSync()).toEqual(new Float32Array([1, 4, 9, 16]));
    expect(x.arraySync()).toEqual([
      [1, 4],
      [9, 16],
    ]);
    expect(await x.data()).toEqual(new Float32Array([1, 4, 9, 16]));
    expect(await x.array()).toEqual([
      [1, 4],
      [9, 16],
    ]);
    expect(x.bufferSync().get(1, 0)).toBe(9);
    expect((await x.buffer()).get(0, 1)).toBe(4);
    expect(await x.bytes()).toEqual(new Uint8Array(new Float32Array([1, 4, 9, 16]).buffer));
    expect(x.toString()).toBe('Tensor\n    [[1, 4 ],\n     [9, 16]]');
    expect(tf.equal(x, 4).dataSync()).toEqual(new Uint8Array([0, 1, 0, 0]));
    expect(tf.cast(x, 'int32').dataSync()).toEqual(new Int32Array([1, 4, 9, 16]));
  });

  it('refuses to read what was disposed', () => {
    const x = tf.square(tf.scalar(2));
    x.dispose();
    expect(() => x.dataSync()).toThrow('Tensor is disposed.');
  });

  it('tidies up all but what is returned or kept', () => {
    const before = tf.memory();
    let kept: tf.Tensor | undefined;
    const result = tf.tidy(() => {
      const x = tf.tensor1d([1, 2, 3]);
      kept = tf.keep(tf.mul(x, 2));
      return { sum: tf.sum(tf.square(x)), parts: [tf.relu(x)] };
    });
    const after = tf.memory();
    expect(after.numTensors - before.numTensors).toBe(3);
    expect(after.numDataBuffers - before.numDataBuffers).toBe(3);
    expect(after.numBytes - before.numBytes).toBe(4 * (3 + 1 + 3));
    // The cpu back end calls itself unreliable.
    expect(after.unreliable ?? false).toBe(accelerator === 'cpu');
    expect([...(kept?.dataSync() ?? [])]).toEqual([2, 4, 6]);
    expect(result.sum.dataSync()[0]).toBe(14);
    tf.dispose([result, kept ?? []] as tf.TensorContainer);
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
  });

  it('shares data between tensors until the last is disposed', () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    const before = tf.memory();
    const views = [x.clone(), x.reshape([2, 2]), x.toFloat()];
    expect(tf.memory().numTensors).toBe(before.numTensors + 3);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    x.dispose();
    expect([...views[1].dataSync()]).toEqual([1, 2, 3, 4]);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    tf.dispose(views);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers - 1);
  });

  it('assigns variables without disturbing what was computed from them', () => {
    const v = tf.variable(tf.tensor1d([1, 2]), true, `v-${accelerator}`);
    const doubled = tf.mul(v, 2);
    v.assign(tf.tensor1d([10, 20]));
    expect([...doubled.dataSync()]).toEqual([2, 4]);
    expect([...tf.mul(v, 2).dataSync()]).toEqual([20, 40]);
    expect(() => {
      v.assign(tf.tensor1d([1]));
    }).toThrow(/shape/);
    expect(() => tf.variable(tf.scalar(1), true, `v-${accelerator}`)).toThrow(/already/);
    v.dispose();
  });

  it('differentiates: values, several inputs, variables, twice', () => {
    const x = tf.tensor1d([1, 2, 3]);
    const cube = (t: tf.Tensor) => tf.mul(tf.square(t), t);
    expect([...tf.grad(cube)(x).dataSync()]).toEqual([3, 12, 27]);
    const second = tf.grad((t) => tf.grad(cube)(t));
    expect([...second(x).dataSync()]).toEqual([6, 12, 18]);
    const { value, grads } = tf.valueAndGrads((a, b) => tf.sum(tf.mul(a, b)))([x, tf.square(x)]);
    expect(value.dataSync()[0]).toBe(36);
    expect(grads.map((g) => [...g.dataSync()])).toEqual([
      [1, 4, 9],
      [1, 2, 3],
    ]);
    const v = tf.variable(tf.scalar(3), true, `w-${accelerator}`);
    const found = tf.variableGrads(() => tf.square(v));
    expect(found.value.dataSync()[0]).toBe(9);
    expect(found.grads[v.name].dataSync()[0]).toBe(6);
    v.dispose();
  });

  it('uses gradients of its own, with what they saved', () => {
    const clipped = tf.customGrad((x, save) => {
      (save as (tensors: tf.Tensor[]) => void)([x as tf.Tensor]);
      return {
        value: tf.square(x as tf.Tensor),
        gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
          tf.mul(dy, tf.clipByValue(saved[0], -1, 1)),
      };
    });
    const x = tf.tensor1d([-5, 0.5, 3]);
    expect([...clipped(x).dataSync()]).toEqual([25, 0.25, 9]);
    expect([
      ...tf
        .grad((t) => clipped(t))(x)
        .dataSync(),
    ]).toEqual([-1, 0.5, 1]);
  });

  it('profiles', async () => {
    const profile = await tf.profile(() => {
      const x = tf.tensor1d([1, 2, 3]);
      const squared = tf.square(x);
      squared.dispose();
      return tf.add(x, 1);
    });
    // x and the sum.
    expect(profile.newTensors).toBe(2);
    expect(profile.newBytes).toBe(4 * (3 + 3));
    expect(profile.peakBytes).toBeGreaterThanOrEqual(profile.newBytes);
    expect(profile.kernelNames.toSorted()).toEqual(['Add', 'Square']);
    expect(profile.kernels.map(({ name, outputShapes }) => [name, outputShapes])).toEqual([
      ['Square', [[3]]],
      ['Add', [[3]]],
    ]);
    expect([...(profile.result as tf.Tensor).dataSync()]).toEqual([2, 3, 4]);
  });

  it('times what it runs', async () => {
    const x = tf.ones([96, 96]);
    let result: tf.Tensor | undefined;
    const { wallMs, kernelMs } = await tf.time(() => {
      result = tf.matMul(x, x);
    });
    expect(kernelMs).toBeGreaterThan(0);
    expect(wallMs).toBeGreaterThanOrEqual(kernelMs as number);
    expect(result?.dataSync()[0]).toBe(96);
  });
});

it('times the computation that ort has only recorded, and not what came before', async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
  const x = tf.ones([8, 8]);
  const earlier = tf.matMul(x, x);
  resetEngineCounters();
  const during: number[] = [];
  await tf.time(() => {
    during.push(engineCounters().runs);
    tf.matMul(earlier, x);
    during.push(engineCounters().runs);
  });
  expect(during).toEqual([1, 1]);
  expect(engineCounters().runs).toBe(2);
});
