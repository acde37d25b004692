import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  adoptView,
  engineCounters,
  flushPending,
  holdsView,
  isOrt,
  materialize,
  prepareInPlaceWrite,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { webAssembly } from '../../../runtime/src/engine/wasm/webAssembly.ts';

/** A view of WebAssembly memory, as parameters live in. */
function wasmView(length: number): Float32Array {
  return new Float32Array(new webAssembly.Memory({ initial: 1, maximum: 1 }).buffer, 64, length);
}

function adopted(values: number[]): { variable: tf.Variable; view: Float32Array } {
  const variable = tf.variable(tf.tensor1d(values));
  const view = wasmView(values.length);
  adoptView(variable, view);
  return { variable, view };
}

/** tfjs-layers types its variables as tensors. */
function asVariable(tensor: tf.Tensor): tf.Variable {
  if (tensor instanceof tf.Variable) return tensor as tf.Variable;
  throw new Error('expected a variable');
}

beforeEach(async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
});

describe('a variable in a view', () => {
  it('keeps its value and reads what is written into the view', () => {
    const { variable, view } = adopted([1, 2, 3]);
    expect([...view]).toEqual([1, 2, 3]);
    prepareInPlaceWrite([variable]);
    view[0] = 10;
    expect([...tf.mul(variable, 2).dataSync()]).toEqual([20, 4, 6]);
    expect(holdsView(variable, view)).toBe(true);
  });

  it('leaves the view when it is assigned', () => {
    const { variable, view } = adopted([1, 2, 3]);
    variable.assign(tf.tensor1d([4, 5, 6]));
    expect(holdsView(variable, view)).toBe(false);
    adoptView(variable, view);
    expect([...view]).toEqual([4, 5, 6]);
  });

  it('does not change tensors that shared its data', () => {
    const { variable, view } = adopted([1, 2, 3, 4]);
    const clone = variable.clone();
    const reshaped = variable.reshape([2, 2]);
    const lazy = tf.add(variable, 1);
    const lazyOfClone = tf.add(clone, 1);
    prepareInPlaceWrite([variable]);
    view.fill(100);
    expect([...clone.dataSync()]).toEqual([1, 2, 3, 4]);
    expect([...reshaped.dataSync()]).toEqual([1, 2, 3, 4]);
    expect([...lazy.dataSync()]).toEqual([2, 3, 4, 5]);
    expect([...lazyOfClone.dataSync()]).toEqual([2, 3, 4, 5]);
    expect([...variable.dataSync()]).toEqual([100, 100, 100, 100]);
    expect(holdsView(variable, view)).toBe(true);
  });

  it('does not change copies of the weights that a layers model gave out', () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [2] })] });
    const variable = model.trainableWeights[0].read();
    const view = wasmView(4);
    adoptView(asVariable(variable), view);
    // getWeights() itself gives the variables, on every back end.
    const given = model.getWeights()[0].clone();
    const before = [...given.dataSync()];
    prepareInPlaceWrite([asVariable(variable)]);
    view.fill(9);
    expect([...given.dataSync()]).toEqual(before);
    expect([...model.getWeights()[0].dataSync()]).toEqual([9, 9, 9, 9]);
  });

  it('leaves an average that was recorded before an update as it was', () => {
    const { variable, view } = adopted([2, 4]);
    const average = tf.variable(tf.tensor1d([0, 0]));
    average.assign(tf.tidy(() => tf.add(tf.mul(average, 0.5), tf.mul(variable, 0.5))));
    prepareInPlaceWrite([variable]);
    view.fill(100);
    expect([...average.dataSync()]).toEqual([1, 2]);
  });

  it('gives readers a copy', () => {
    const { variable, view } = adopted([1, 2]);
    const before = variable.dataSync();
    prepareInPlaceWrite([variable]);
    view.fill(5);
    expect([...before]).toEqual([1, 2]);
  });

  it('counts data exactly', () => {
    const before = tf.memory();
    const { variable } = adopted([1, 2, 3]);
    const clone = variable.clone();
    prepareInPlaceWrite([variable]);
    clone.dispose();
    variable.dispose();
    // The tensor that the variable was made from is still alive.
    expect(tf.memory().numTensors - before.numTensors).toBe(1);
    expect(tf.memory().numDataBuffers - before.numDataBuffers).toBe(1);
  });
});

describe('materialize', () => {
  it('writes into the views and evaluates the rest in the same run', () => {
    const x = tf.tensor1d([1, 2, 3]);
    const [a, b] = [tf.mul(x, 2), tf.sum(x)];
    const other = tf.add(x, 1);
    const [intoA, intoB] = [wasmView(3), wasmView(1)];
    resetEngineCounters();
    materialize([
      { tensor: a, into: intoA },
      { tensor: b, into: intoB },
    ]);
    expect([...intoA]).toEqual([2, 4, 6]);
    expect([...intoB]).toEqual([6]);
    expect([...other.dataSync()]).toEqual([2, 3, 4]);
    expect(engineCounters().runs).toBe(1);
  });

  it('copies values that exist already, and one tensor into two places', () => {
    const x = tf.tensor1d([1, 2]);
    const y = tf.neg(x);
    const views = [wasmView(2), wasmView(2), wasmView(2)];
    materialize([
      { tensor: x, into: views[0] },
      { tensor: y, into: views[1] },
      { tensor: y, into: views[2] },
    ]);
    expect(views.map((view) => [...view])).toEqual([
      [1, 2],
      [-1, -2],
      [-1, -2],
    ]);
  });

  it('does not write over what the same graph still reads', () => {
    const { variable, view } = adopted([1, 2, 3]);
    materialize([{ tensor: tf.reverse(variable, 0), into: view }]);
    expect([...view]).toEqual([3, 2, 1]);
  });

  it('leaves a clone of the tensor alone when the view is written again', () => {
    const y = tf.neg(tf.tensor1d([1, 2]));
    const clone = y.clone();
    const view = wasmView(2);
    materialize([{ tensor: y, into: view }]);
    y.dispose();
    view.fill(9);
    expect([...clone.dataSync()]).toEqual([-1, -2]);
  });

  it('refuses a view of another size', () => {
    expect(() => materialize([{ tensor: tf.ones([3]), into: new Float32Array(2) }])).toThrow(
      /2 elements/,
    );
  });

  it('works on other back ends', async () => {
    await selectBackend({ accelerator: 'cpu' });
    const into = new Float32Array(2);
    materialize([{ tensor: tf.tensor1d([3, 4]), into }]);
    flushPending();
    prepareInPlaceWrite([]);
    expect([...into]).toEqual([3, 4]);
    expect(isOrt()).toBe(false);
  });
});

describe('recording', () => {
  it('does not run until something is read, and skips what nothing needs', () => {
    resetEngineCounters();
    const kept = tf.tidy(() => {
      const unused = tf.sin(tf.ones([4]));
      expect(unused.shape).toEqual([4]);
      return tf.cos(tf.zeros([4]));
    });
    expect(engineCounters().runs).toBe(0);
    expect([...kept.dataSync()]).toEqual([1, 1, 1, 1]);
    expect(engineCounters().runs).toBe(1);
  });

  it('keeps attributes apart that JSON would confuse', () => {
    const values = [NaN, Infinity, -Infinity, 0].map(
      (filler) => tf.pad(tf.ones([1]), [[0, 1]], filler).dataSync()[1],
    );
    expect(values).toEqual([NaN, Infinity, -Infinity, 0]);
  });

  it('moves tensors between back ends and back', async () => {
    const x = tf.add(tf.tensor1d([1, 2]), 1);
    await selectBackend({ accelerator: 'cpu' });
    const y = tf.mul(x, 2);
    await selectBackend({ accelerator: 'ort', threads: 1 });
    expect([...tf.add(x, y).dataSync()]).toEqual([6, 9]);
    expect([...x.dataSync()]).toEqual([2, 3]);
  });

  it('computes kernels without a graph form in JavaScript and counts them', () => {
    resetEngineCounters();
    const sorted = tf.unique(tf.tensor1d([3, 1, 3], 'int32')).values;
    expect([...sorted.dataSync()]).toEqual([3, 1]);
    expect(engineCounters().fallbacks).toEqual({ Unique: 1 });
  });

  it('holds strings, complex numbers and tensors without elements', () => {
    expect(tf.tensor1d(['a', 'b']).dataSync()).toEqual(['a', 'b']);
    const signal = tf.complex(tf.tensor1d([1, 2]), tf.tensor1d([3, 4]));
    expect([...tf.real(tf.mul(signal, signal)).dataSync()]).toEqual([-8, -12]);
    expect(tf.add(tf.zeros([0, 3]), 1).shape).toEqual([0, 3]);
    expect([...tf.concat([tf.zeros([0, 2]), tf.ones([1, 2])]).dataSync()]).toEqual([1, 1]);
  });
});
