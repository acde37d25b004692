import { describe, expect, it } from '@jest/globals';
import { engineCounters, resetEngineCounters } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct, expectSame } from './compare.ts';
import { ELEMENTWISE_MERGES, LAYER_CASES } from './layerCases.ts';
import { expectSameTraining, fewSteps } from './parity.ts';

const { layers } = tf;

// A dense layer comes first, so that the gradient goes through each layer and not only into it.
describe('trains as on cpu, without a fallback', () => {
  it.each(LAYER_CASES)('$name $input', async (layer) => {
    const { input, build, batch = 3, isFirst = false, isLong = false } = layer;
    await expectSameTraining({
      steps: isLong ? fewSteps : 20,
      model: () => {
        const start = tf.input({ shape: input });
        const dense = layers.dense({ units: input[input.length - 1] });
        const stack = isFirst ? [build, apply(dense)] : [apply(dense), build];
        return tf.model({ inputs: start, outputs: stack.reduce((x, each) => each(x), start) });
      },
      x: () => distinct([batch, ...input], 7, -1, 1),
    });
  });

  it('embedding', async () => {
    await expectSameTraining({
      steps: fewSteps,
      model: () =>
        tf.sequential({
          layers: [
            layers.embedding({ inputDim: 7, outputDim: 3, inputLength: 3, maskZero: true }),
            layers.lstm({ units: 2 }),
            layers.dense({ units: 2 }),
          ],
        }),
      x: () => tf.tensor2d([1, 2, 0, 6, 0, 0], [2, 3]),
    });
  });
});

function apply(layer: tf.layers.Layer) {
  return (x: tf.SymbolicTensor) => layer.apply(x) as tf.SymbolicTensor;
}

it('predicts with conv3dTranspose, which tfjs cannot train', async () => {
  await expectSame(() => {
    const layer = layers.conv3dTranspose({ filters: 2, kernelSize: 2, strides: 2 });
    layer.build([1, 2, 3, 2, 2]);
    layer.setWeights([distinct([2, 2, 2, 2, 2], 1), distinct([2], 2)]);
    return layer.apply(distinct([1, 2, 3, 2, 2], 3)) as tf.Tensor;
  });
});

it('prepares images and categories as on cpu', async () => {
  resetEngineCounters();
  await expectSame(() => {
    const image = distinct([2, 5, 6, 3], 1);
    const categories = tf.tensor1d([1, 3, 0], 'int32');
    return [
      layers.rescaling({ scale: 0.5, offset: 1 }).apply(image),
      layers.resizing({ height: 3, width: 8 }).apply(image),
      layers.resizing({ height: 4, width: 4, interpolation: 'nearest' }).apply(image),
      layers.centerCrop({ height: 3, width: 2 }).apply(image),
      layers.randomWidth({ factor: 0.3, seed: 3 }).apply(image),
      layers.categoryEncoding({ numTokens: 5, outputMode: 'oneHot' }).apply(categories),
    ] as tf.Tensor[];
  });
  // Outside the training step: counts without weights.
  expect(engineCounters().fallbacks).toEqual({ DenseBincount: 1 });
});

/** Not trained here: what they are, or under which other name they are. */
const OTHERWISE: Record<string, string> = {
  Layer: 'the base class',
  RNN: 'the base class',
  RNNCell: 'the base class',
  input: 'used in every case',
  inputLayer: 'used in every case',
  simpleRNNCell: 'inside simpleRNN',
  gruCell: 'inside stackedRNNCells',
  lstmCell: 'inside stackedRNNCells',
  rnn: 'around stackedRNNCells',
  convLstm2dCell: 'inside convLstm2d',
  embedding: 'a case of its own',
  conv3dTranspose: 'not trainable, in a test of its own',
  rescaling: 'preprocessing, in a test of its own',
  resizing: 'preprocessing, in a test of its own',
  centerCrop: 'preprocessing, in a test of its own',
  randomWidth: 'preprocessing, in a test of its own',
  categoryEncoding: 'preprocessing, in a test of its own',
};

it('has a case for every layer that there is', () => {
  const tried = new Set<string>([
    ...LAYER_CASES.map(({ name }) => name),
    ...ELEMENTWISE_MERGES,
    'dot',
  ]);
  const classes = new Map(LAYER_CASES.map(({ name }) => [classOf(name), name]));
  const missing = Object.keys(layers).filter(
    (name) => !tried.has(name) && !(name in OTHERWISE) && !classes.has(classOf(name)),
  );
  expect(missing).toEqual([]);
});

/** `avgPool1d`, `averagePooling1d` and so on are one layer. */
function classOf(name: string): string {
  return name.replace('average', 'avg').replace('Pooling', 'Pool');
}
