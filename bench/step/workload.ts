/**
 * The models, weights and batches of the step benchmark. bench/python/step.py has the same ones,
 * so that the losses of all subjects can be compared.
 */
export type CaseName = 'mlp' | 'cnn' | 'gpt' | 'lstm';

const classes = 10;
const batchSize = 128;
export const batchPool = 4;
export const learningRate = 1e-3;

export interface Case {
  /** Shape of one sample. */
  readonly input: readonly number[];
  readonly classes: number;
  readonly batchSize: number;
  /** Samples are tokens below this number, each with its label; otherwise numbers, with one label. */
  readonly vocabulary?: number;
  readonly weights: readonly (readonly number[])[];
}

export const cases: Record<CaseName, Case> = {
  mlp: {
    input: [784],
    classes,
    batchSize,
    weights: [[784, 512], [512], [512, 256], [256], [256, classes], [classes]],
  },
  cnn: {
    input: [28, 28, 1],
    classes,
    batchSize,
    weights: [
      [3, 3, 1, 32],
      [32],
      [3, 3, 32, 64],
      [64],
      [7 * 7 * 64, 128],
      [128],
      [128, classes],
      [classes],
    ],
  },
  gpt: {
    input: [64],
    classes: 256,
    batchSize: 16,
    vocabulary: 256,
    weights: gptWeights({ vocabulary: 256, time: 64, width: 128, layers: 4 }),
  },
  lstm: {
    input: [64, 128],
    classes,
    batchSize: 64,
    weights: [
      ...[1, 2].flatMap(() => [[128, 4 * 128], [128, 4 * 128], [4 * 128]]),
      [128, classes],
      [classes],
    ],
  },
};

/** Embeddings, blocks (norm, attention, norm, feed forward), norm, head without bias. */
function gptWeights(sizes: {
  vocabulary: number;
  time: number;
  width: number;
  layers: number;
}): number[][] {
  const { vocabulary, time, width, layers } = sizes;
  const norm = [[width], [width]];
  const dense = (inputs: number, units: number) => [[inputs, units], [units]];
  const attention = [...norm, ...dense(width, 3 * width), ...dense(width, width)];
  const forward = [...norm, ...dense(width, 4 * width), ...dense(4 * width, width)];
  const blocks = Array.from({ length: layers }, () => [...attention, ...forward]).flat();
  return [[vocabulary, width], [time, width], ...blocks, ...norm, [width, vocabulary]];
}

/** Values in [0, 1) that look random and are the same everywhere. */
export function noise(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    const value = Math.sin(index * 12.9898 + seed * 78.233) * 43758.5453;
    return value - Math.floor(value);
  });
}

/** Uniform in +-sqrt(3 / fan in); biases are zero, the factors of normalisations are one. */
export function initialWeights(name: CaseName): Float32Array[] {
  const { weights } = cases[name];
  return weights.map((shape, index) => {
    const size = sizeOf(shape);
    // Only a normalisation's factor has another vector behind it.
    const factor = shape.length === 1 && weights[index + 1]?.length === 1;
    if (shape.length === 1) return new Float32Array(size).fill(factor ? 1 : 0);
    const bound = Math.sqrt((3 * shape[shape.length - 1]) / size);
    return noise(size, index + 1).map((value) => (2 * value - 1) * bound);
  });
}

export interface StepBatch {
  readonly inputs: Float32Array | Int32Array;
  readonly labels: Int32Array;
  readonly size: number;
}

/** The batches that are trained on in turn. */
export function batches(name: CaseName, size = cases[name].batchSize): StepBatch[] {
  const { input, classes: count, vocabulary } = cases[name];
  const length = size * sizeOf(input);
  return Array.from({ length: batchPool }, (_, index) => {
    const values = noise(length, 100 + index);
    return {
      inputs: vocabulary === undefined ? values : wholeNumbers(values, vocabulary),
      labels: wholeNumbers(noise(vocabulary === undefined ? size : length, 200 + index), count),
      size,
    };
  });
}

function wholeNumbers(values: Float32Array, limit: number): Int32Array {
  return Int32Array.from(values, (value) => Math.floor(value * limit));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
