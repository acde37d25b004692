import { describe, expect, it } from '@jest/globals';
import { layers } from '../../../../runtime/src/core/layers/index.ts';
import { selectBackend } from '../../../../runtime/src/engine/index.ts';
import * as tf from '../../../../runtime/src/engine/tf.ts';
import { difference, distinct } from '../../engine/compare.ts';
import { variableOf } from './variableOf.ts';

const [BATCH, TIME, FEATURES, UNITS] = [3, 5, 4, 6];

type Options = Parameters<typeof layers.lstm>[0];
type Make = (options: Options) => tf.RNN;

const networks: Record<string, { ours: Make; theirs: Make; states: number }> = {
  lstm: { ours: layers.lstm, theirs: tf.layers.lstm, states: 2 },
  gru: { ours: layers.gru, theirs: tf.layers.gru, states: 1 },
  simpleRnn: { ours: layers.simpleRnn, theirs: tf.layers.simpleRNN, states: 1 },
};

interface Result {
  readonly outputs: Float32Array[];
  readonly gradients: Float32Array[];
}

/** Outputs of a layer, and gradients of a function of all of them by inputs and weights. */
function evaluate(layer: tf.RNN, withStates: number): Result {
  return tf.tidy(() => {
    const x = distinct([BATCH, TIME, FEATURES], 1);
    const initialState = Array.from({ length: withStates }, (_, index) =>
      distinct([BATCH, UNITS], 10 + index, -0.8, 0.8),
    );
    const call = (input: tf.Tensor, states: tf.Tensor[]) =>
      [layer.apply(input, states.length > 0 ? { initialState: states } : {})].flat() as tf.Tensor[];
    call(x, initialState);
    layer.setWeights(layer.weights.map(({ shape }, index) => weight(shape as number[], index)));
    const outputs = call(x, initialState);
    const parameters = layer.weights.map(variableOf);
    const loss = (input: tf.Tensor, ...states: tf.Tensor[]) => {
      const terms = call(input, states).map((output, index) =>
        tf.sum(tf.mul(output, distinct(output.shape, 20 + index))),
      );
      return tf.addN(terms) as tf.Scalar;
    };
    const byInputs = tf.grads(loss)([x, ...initialState]);
    const byWeights = tf.variableGrads(() => loss(x, ...initialState), parameters).grads;
    const gradients = [...byInputs, ...parameters.map(({ name }) => byWeights[name])];
    return {
      outputs: outputs.map((output) => output.dataSync() as Float32Array),
      gradients: gradients.map((gradient) => gradient.dataSync() as Float32Array),
    };
  });
}

function weight(shape: number[], index: number): tf.Tensor {
  return distinct(shape, 30 + index, -0.6, 0.6);
}

/** Our layer on `accelerator` and tfjs-layers' on `cpu`, with the same weights. */
async function both(name: string, options: Partial<Options>, states = 0, accelerator = 'ort') {
  const { ours, theirs } = networks[name];
  const all = { units: UNITS, recurrentActivation: 'sigmoid' as const, ...options };
  await selectBackend({ accelerator: 'cpu' });
  const expected = evaluate(theirs(all), states);
  await selectBackend({ accelerator, threads: 1 });
  return { actual: evaluate(ours(all), states), expected };
}

function expectClose(actual: Result, expected: Result): void {
  for (const part of ['outputs', 'gradients'] as const) {
    expect(actual[part].length).toBe(expected[part].length);
    for (const [index, values] of expected[part].entries()) {
      expect(actual[part][index].length).toBe(values.length);
      expect(difference(actual[part][index], values)).toBeLessThan(1e-5);
    }
  }
}

describe.each(Object.keys(networks))('layers.%s', (name) => {
  it.each<[string, Partial<Options>, boolean]>([
    ['last output', {}, false],
    ['sequences', { returnSequences: true }, false],
    ['backwards', { returnSequences: true, goBackwards: true }, false],
    ['backwards, last output', { goBackwards: true }, false],
    ['states', { returnState: true }, true],
    ['sequences and states', { returnSequences: true, returnState: true }, true],
    ['all of it', { returnSequences: true, returnState: true, goBackwards: true }, true],
    ['no bias', { useBias: false }, false],
  ])('gives tfjs-layers’ values and gradients: %s', async (_case, options, withStates) => {
    const { actual, expected } = await both(name, options, withStates ? networks[name].states : 0);
    expectClose(actual, expected);
  });
});
