import * as tf from '../../../runtime/src/engine/tf.ts';

type Symbol = tf.SymbolicTensor;

/** A layer of tfjs-layers in a tiny model. */
export interface LayerCase {
  /** Its name in `tf.layers`. */
  readonly name: string;
  /** Shape of one example. */
  readonly input: number[];
  readonly build: (x: Symbol) => Symbol;
  /** Examples in a batch; 3 by default. */
  readonly batch?: number;
  /** A trainable layer follows instead of coming first. */
  readonly isFirst?: boolean;
  /** Unrolled by tfjs into hundreds of kernels: all steps only in `npm run test:full`. */
  readonly isLong?: boolean;
}

const { layers } = tf;

const VECTOR = [4];
const SEQUENCE = [3, 2];
const STEPS = [2, 2];
const IMAGE = [5, 5, 2];
const VOLUME = [4, 4, 4, 2];

/** Merge layers without settings of their own; they are tried together, with `dot`. */
export const ELEMENTWISE_MERGES = ['add', 'average', 'maximum', 'minimum', 'multiply'] as const;

/** Every layer that can be trained, at least once. */
export const LAYER_CASES: LayerCase[] = [
  ...chain(VECTOR, {
    dense: () => layers.dense({ units: 3, activation: 'gelu' }),
    reLU: () => layers.reLU({ maxValue: 1 }),
    leakyReLU: () => layers.leakyReLU(),
    prelu: () => layers.prelu(),
    elu: () => layers.elu(),
    softmax: () => layers.softmax(),
    dropout: () => layers.dropout({ rate: 0.4 }),
    gaussianNoise: () => layers.gaussianNoise({ stddev: 0.2 }),
    gaussianDropout: () => layers.gaussianDropout({ rate: 0.3 }),
    alphaDropout: () => layers.alphaDropout({ rate: 0.3 }),
    batchNormalization: () => layers.batchNormalization(),
    layerNormalization: () => layers.layerNormalization(),
    repeatVector: () => layers.repeatVector({ n: 3 }),
  }),
  { name: 'activation', input: VECTOR, build: allActivations },
  ...first(VECTOR, { thresholdedReLU: () => layers.thresholdedReLU({ theta: 0.1 }) }),
  ...first(SEQUENCE, { masking: () => layers.masking({ maskValue: 0 }) }),
  ...chain(SEQUENCE, {
    flatten: () => layers.flatten(),
    reshape: () => layers.reshape({ targetShape: [2, 3] }),
    permute: () => layers.permute({ dims: [2, 1] }),
    spatialDropout1d: () => layers.spatialDropout1d({ rate: 0.3 }),
    conv1d: () => layers.conv1d({ filters: 4, kernelSize: 3, padding: 'same' }),
    maxPooling1d: () => layers.maxPooling1d({ poolSize: 2 }),
    averagePooling1d: () => layers.averagePooling1d({ poolSize: 2, padding: 'same' }),
    globalMaxPooling1d: () => layers.globalMaxPooling1d(),
    globalAveragePooling1d: () => layers.globalAveragePooling1d(),
    timeDistributed: () => layers.timeDistributed({ layer: layers.dense({ units: 2 }) }),
  }),
  ...long(STEPS, {
    simpleRNN: () => layers.simpleRNN({ units: 3, returnSequences: true }),
    gru: () => layers.gru({ units: 3 }),
    lstm: () => layers.lstm({ units: 3, returnSequences: true, goBackwards: true }),
    stackedRNNCells: () =>
      layers.rnn({
        cell: [layers.lstmCell({ units: 2 }), layers.gruCell({ units: 2 })],
      }),
    bidirectional: () =>
      layers.bidirectional({
        layer: layers.gru({ units: 2, returnSequences: true }),
        mergeMode: 'concat',
      }),
  }),
  ...chain(IMAGE, {
    conv2d: () => layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }),
    conv2dTranspose: () =>
      layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
    depthwiseConv2d: () => layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
    separableConv2d: () => layers.separableConv2d({ filters: 3, kernelSize: 3, padding: 'same' }),
    maxPooling2d: () => layers.maxPooling2d({ poolSize: 2 }),
    averagePooling2d: () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
    globalMaxPooling2d: () => layers.globalMaxPooling2d({}),
    globalAveragePooling2d: () => layers.globalAveragePooling2d({}),
    cropping2D: () =>
      layers.cropping2D({
        cropping: [
          [1, 0],
          [2, 1],
        ],
      }),
    zeroPadding2d: () => layers.zeroPadding2d({ padding: [1, 2] }),
    layerNormalization: () => layers.layerNormalization({ axis: [2, 3] }),
  }),
  ...chain([4, 4, 3], { batchNormalization: () => layers.batchNormalization({ axis: 3 }) }),
  // The cpu kernel mixes up the images of a batch in the gradient: one image, and it agrees.
  ...chain(IMAGE, { upSampling2d: () => layers.upSampling2d({ size: [2, 2] }) }, 1),
  ...chain(IMAGE, {
    upSampling2d: () => layers.upSampling2d({ size: [2, 3], interpolation: 'bilinear' }),
  }),
  ...chain(VOLUME, {
    conv3d: () => layers.conv3d({ filters: 3, kernelSize: 2, activation: 'tanh' }),
    maxPooling3d: () => layers.maxPooling3d({ poolSize: 2 }),
    averagePooling3d: () => layers.averagePooling3d({ poolSize: 2, strides: 1 }),
  }),
  ...long([2, 3, 3, 1], {
    convLstm2d: () => layers.convLstm2d({ filters: 1, kernelSize: 3, padding: 'same' }),
  }),
  { name: 'concatenate', input: VECTOR, build: allMerges },
];

type Makers = Record<string, () => tf.layers.Layer>;

function chain(input: number[], makers: Makers, batch = 3): LayerCase[] {
  return Object.entries(makers).map(([name, make]) => ({
    name,
    input,
    build: through(make),
    batch,
  }));
}

/** For layers through which tfjs has no gradient: nothing trainable may come before them. */
function first(input: number[], makers: Makers): LayerCase[] {
  return chain(input, makers).map((each) => ({ ...each, isFirst: true }));
}

function long(input: number[], makers: Makers): LayerCase[] {
  return chain(input, makers).map((each) => ({ ...each, isLong: true }));
}

function through(make: () => tf.layers.Layer) {
  return (x: Symbol) => make().apply(x) as Symbol;
}

const ACTIVATIONS = `elu hardSigmoid linear relu relu6 selu sigmoid softmax softplus softsign tanh
  swish mish gelu gelu_new logSoftmax`;

function allActivations(x: Symbol): Symbol {
  const branches = ACTIVATIONS.split(/\s+/).map(
    (activation) => layers.activation({ activation } as ActivationArgs).apply(x) as Symbol,
  );
  return layers.concatenate().apply(branches) as Symbol;
}

type ActivationArgs = Parameters<typeof layers.activation>[0];

function allMerges(x: Symbol): Symbol {
  const pair = [x, layers.dense({ units: 4, activation: 'tanh' }).apply(x) as Symbol];
  const merges = ELEMENTWISE_MERGES.map((name) => layers[name]().apply(pair) as Symbol);
  const dot = layers.dot({ axes: -1, normalize: true }).apply(pair) as Symbol;
  return layers.concatenate().apply([...merges, dot]) as Symbol;
}
