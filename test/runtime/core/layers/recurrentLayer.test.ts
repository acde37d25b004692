import { beforeEach, describe, expect, it } from '@jest/globals';
import { layers } from '../../../../runtime/src/core/layers/index.ts';
import { Adam, type OptimizerConfig } from '../../../../runtime/src/core/optim/index.ts';
import { TrainModule } from '../../../../runtime/src/core/trainModule.ts';
import { ParameterArena } from '../../../../runtime/src/engine/arena/parameterArena.ts';
import { computeGradients } from '../../../../runtime/src/engine/gradients.ts';
import {
  engineCounters,
  resetEngineCounters,
  selectBackend,
} from '../../../../runtime/src/engine/index.ts';
import * as tf from '../../../../runtime/src/engine/tf.ts';
import { Rng, withKeyedRandom } from '../../../../runtime/src/random/index.ts';
import { difference, distinct } from '../../engine/compare.ts';
import { variableOf } from './variableOf.ts';

const sigmoid = { recurrentActivation: 'sigmoid' as const };

beforeEach(async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
});

/** Kernels recorded while `body` runs. */
function recordedBy(body: () => void): number {
  resetEngineCounters();
  body();
  return engineCounters().recorded;
}

function built(layer: tf.RNN, shape: (number | null)[]): tf.RNN {
  layer.build(shape);
  return layer;
}

/** What a layer gives, on a back end, with the weights of another layer. */
async function outputOf(
  layer: tf.RNN,
  accelerator: string,
  call: (layer: tf.RNN) => tf.Tensor,
): Promise<Float32Array> {
  await selectBackend({ accelerator, threads: 1 });
  return tf.tidy(() => {
    call(layer);
    layer.setWeights(layer.weights.map(({ shape }, index) => weight(shape as number[], index)));
    return call(layer).dataSync() as Float32Array;
  });
}

function weight(shape: number[], index: number): tf.Tensor {
  return distinct(shape, 30 + index, -0.6, 0.6);
}

describe('a recurrent layer on ort', () => {
  it('is one operation, however long the sequence', () => {
    const layer = built(layers.lstm({ units: 4 }), [null, null, 3]);
    tf.tidy(() => {
      const x = tf.zeros([2, 50, 3]);
      expect(recordedBy(() => layer.apply(x))).toBeLessThan(3);
    });
    expect(engineCounters().fallbacks).toEqual({});
  });

  it('has the same gradient when outputs are read before it is computed', () => {
    const layer = built(layers.lstm({ units: 4, returnSequences: true }), [null, 6, 3]);
    const x = distinct([2, 6, 3], 1);
    const gradient = (read: boolean) => {
      const value = tf.grad((input) => {
        const output = layer.apply(input) as tf.Tensor;
        if (read) output.dataSync();
        return tf.sum(tf.square(output));
      })(x);
      return value.dataSync();
    };
    expect(Array.from(gradient(true))).toEqual(Array.from(gradient(false)));
  });

  it.each(['lstm', 'gru', 'simpleRnn'] as const)('takes one row of one unit: %s', async (name) => {
    const call = (layer: tf.RNN) => {
      const output = (x: tf.Tensor) => layer.apply(x) as tf.Tensor;
      const gradient = tf.grad((x) => tf.sum(tf.square(output(x))))(tf.tensor3d([[[0.4], [0.2]]]));
      // Of a single step, tfjs-layers has no gradient: its unstack fails.
      return tf.concat([gradient, output(tf.tensor3d([[[0.4]]]))], 1);
    };
    const args = { units: 1, returnSequences: true, ...sigmoid };
    const theirs = name === 'simpleRnn' ? tf.layers.simpleRNN : tf.layers[name];
    const expected = await outputOf(theirs(args), 'cpu', call);
    expect(difference(await outputOf(layers[name](args), 'ort', call), expected)).toBeLessThan(
      1e-5,
    );
  });

  it('trains to the same bits each time, and leaves no tensor behind', () => {
    const train = () => {
      const model = tf.sequential({
        layers: [
          layers.gru({ units: 5, returnSequences: true, inputShape: [7, 3], dropout: 0.2 }),
          layers.lstm({ units: 4 }),
          tf.layers.dense({ units: 1 }),
        ],
      });
      const variables = model.trainableWeights.map(variableOf);
      const arena = new ParameterArena(
        variables.map((variable, index) => ({ name: String(index), variable })),
      );
      const optimizer = new Adam({ lr: 0.01 });
      optimizer.bind(arena);
      const [x, y] = [distinct([6, 7, 3], 2), distinct([6, 1], 3)];
      const losses: number[] = [];
      const counts: number[] = [];
      for (let step = 0; step < 4; step++) {
        const loss = computeGradients(() => {
          const output = model.apply(x, { training: true }) as tf.Tensor;
          return tf.losses.meanSquaredError<tf.Tensor, tf.Scalar>(y, output);
        }, arena);
        optimizer.step();
        losses.push(loss.dataSync()[0]);
        loss.dispose();
        counts.push(tf.memory().numTensors);
      }
      expect(new Set(counts).size).toBe(1);
      expect(losses[3]).toBeLessThan(losses[0]);
      return [...losses, ...variables.flatMap((variable) => Array.from(variable.dataSync()))];
    };
    const run = () => withKeyedRandom(Rng.fromSeed(4), train);
    expect(run()).toEqual(run());
  });

  it('starts with the weights of tfjs-layers', () => {
    const weights = (make: typeof layers.lstm) =>
      withKeyedRandom(Rng.fromSeed(3), () =>
        built(make({ units: 7 }), [null, 4, 5])
          .getWeights()
          .map((tensor) => tensor.dataSync()),
      );
    const [ours, theirs] = [weights(layers.lstm), weights(tf.layers.lstm)];
    expect(ours.length).toBe(3);
    for (const [index, values] of theirs.entries()) {
      expect(difference(ours[index], values)).toBeLessThan(1e-5);
    }
  });
});

describe('what the operation does not know', () => {
  const x = () => tf.where(tf.greater(distinct([3, 6, 2], 5), -1), distinct([3, 6, 2], 5), 0);

  it.each<[string, object, (layer: tf.RNN) => tf.Tensor]>([
    [
      'masks',
      sigmoid,
      (layer) => {
        const input = tf.mul(x(), tf.tensor([1, 1, 1, 1, 0, 0]).reshape([1, 6, 1]));
        const mask = tf.layers.masking({ maskValue: 0 }).computeMask(input);
        return layer.apply(input, { mask }) as tf.Tensor;
      },
    ],
    [
      'other gates',
      { recurrentActivation: 'hardSigmoid' },
      (layer) => layer.apply(x()) as tf.Tensor,
    ],
    [
      'other activations',
      { ...sigmoid, activation: 'elu' },
      (layer) => layer.apply(x()) as tf.Tensor,
    ],
  ])('%s go through the steps of tfjs-layers', async (_case, options, call) => {
    for (const name of ['lstm', 'gru'] as const) {
      const args = { units: 4, returnSequences: true, ...options };
      const expected = await outputOf(tf.layers[name](args), 'cpu', call);
      const actual = await outputOf(layers[name](args), 'ort', call);
      expect(difference(actual, expected)).toBeLessThan(1e-5);
    }
  });

  it.each(['cpu', 'wasm'])('other back ends: %s', async (accelerator) => {
    const call = (layer: tf.RNN) => layer.apply(x()) as tf.Tensor;
    const args = { units: 4, ...sigmoid };
    const expected = await outputOf(tf.layers.gru(args), 'cpu', call);
    expect(difference(await outputOf(layers.gru(args), accelerator, call), expected)).toBeLessThan(
      1e-5,
    );
  });
});

describe('layers.lstm', () => {
  it('uses sigmoid gates unless told otherwise', () => {
    expect(layers.lstm({ units: 2 }).getConfig().recurrentActivation).toBe('sigmoid');
    expect(tf.layers.lstm({ units: 2 }).getConfig().recurrentActivation).toBe('hardSigmoid');
  });

  it('drops the same features at every step, only in training', () => {
    const layer = built(layers.simpleRnn({ units: 40, returnSequences: true, dropout: 0.5 }), [
      null,
      3,
      1,
    ]);
    tf.tidy(() => {
      const x = tf.ones([8, 3, 1]);
      const plain = layer.apply(x, { training: false }) as tf.Tensor;
      const again = layer.apply(x) as tf.Tensor;
      expect(Array.from(again.dataSync())).toEqual(Array.from(plain.dataSync()));
      const dropped = withKeyedRandom(Rng.fromSeed(1), () => layer.apply(x, { training: true }));
      const rows = tf.sum(tf.abs(dropped as tf.Tensor), 2).arraySync() as number[][];
      // Without bias and input the output is zero: rows are dropped as a whole or not at all.
      const silent = rows.map((steps) => steps.filter((value) => value === 0).length);
      expect(silent.every((count) => count === 0 || count === 3)).toBe(true);
      expect(new Set(silent).size).toBe(2);
    });
  });

  it('continues from the states of the batch before when stateful', async () => {
    const call = (layer: tf.RNN) => {
      const [first, second] = [distinct([2, 3, 2], 6), distinct([2, 3, 2], 7)];
      layer.apply(first);
      layer.resetStates();
      layer.apply(first);
      const continued = layer.apply(second) as tf.Tensor;
      layer.resetStates();
      return tf.concat([continued, layer.apply(second) as tf.Tensor]);
    };
    const args = { units: 4, stateful: true, batchInputShape: [2, 3, 2], ...sigmoid };
    const expected = await outputOf(tf.layers.lstm(args), 'cpu', call);
    const actual = await outputOf(layers.lstm(args), 'ort', call);
    expect(difference(actual, expected)).toBeLessThan(1e-5);
    expect(Array.from(actual.slice(0, 8))).not.toEqual(Array.from(actual.slice(8)));
  });

  it('takes initial states as inputs of a model', () => {
    const inputs = [
      tf.input({ shape: [4, 2] }),
      tf.input({ shape: [3] }),
      tf.input({ shape: [3] }),
    ];
    const layer = layers.lstm({ units: 3, returnSequences: true, returnState: true });
    const outputs = layer.apply(inputs) as tf.SymbolicTensor[];
    expect(outputs.map(({ shape }) => shape)).toEqual([
      [null, 4, 3],
      [null, 3],
      [null, 3],
    ]);
    const [x, ...initialState] = [
      distinct([2, 4, 2], 8),
      distinct([2, 3], 9),
      distinct([2, 3], 10),
    ];
    const direct = layer.apply(x, { initialState }) as tf.Tensor[];
    const results = tf.model({ inputs, outputs }).predict([x, ...initialState]) as tf.Tensor[];
    expect(results.map((result) => Array.from(result.dataSync()))).toEqual(
      direct.map((result) => Array.from(result.dataSync())),
    );
  });

  it('comes back from the JSON of a model', async () => {
    const model = tf.sequential({
      layers: [layers.lstm({ units: 3, goBackwards: true, inputShape: [4, 2] })],
    });
    const copy = await tf.models.modelFromJSON(model.toJSON(null, false) as never);
    copy.setWeights(model.getWeights());
    const x = distinct([2, 4, 2], 8);
    const [expected, actual] = [model, copy].map((item) => item.predict(x) as tf.Tensor);
    expect(Array.from(actual.dataSync())).toEqual(Array.from(expected.dataSync()));
  });
});

class Reader extends TrainModule {
  first = layers.lstm({ units: 3, returnSequences: true, inputShape: [5, 2] });
  second = layers.gru({ units: 2 });

  constructor() {
    super();
    this.first.build([null, 5, 2]);
    this.second.build([null, 5, 3]);
  }

  override forward(x: tf.Tensor): tf.Tensor {
    return this.second.apply(this.first.apply(x)) as tf.Tensor;
  }

  override trainingStep(): tf.Scalar {
    return tf.scalar(0);
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new Adam() };
  }
}

describe('in a module', () => {
  it('has named parameters that carry everything over to another one', () => {
    const [one, other] = [new Reader(), new Reader()];
    const parameters = one.parameters();
    expect(parameters.map(({ name }) => name)).toEqual(
      ['first', 'second'].flatMap((layer) =>
        ['kernel', 'recurrent_kernel', 'bias'].map((weightName) => `${layer}.${weightName}`),
      ),
    );
    expect(parameters.every(({ trainable }) => trainable)).toBe(true);
    const x = distinct([2, 5, 2], 11);
    const output = (module: Reader) => Array.from(module.forward(x).dataSync());
    expect(output(other)).not.toEqual(output(one));
    for (const [index, { variable }] of other.parameters().entries()) {
      variable.assign(parameters[index].variable);
    }
    expect(output(other)).toEqual(output(one));
  });
});
