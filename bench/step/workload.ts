/**
 * The models, weights and batches of the step benchmark. bench/python/step.py has the same ones,
 * so that the losses of all subjects can be compared.
 */
export type CaseName = 'mlp' | 'cnn';

export const classes = 10;
export const batchSize = 128;
export const batchPool = 4;
export const learningRate = 1e-3;

export const cases: Record<CaseName, { input: number[]; weights: number[][] }> = {
  mlp: {
    input: [784],
    weights: [[784, 512], [512], [512, 256], [256], [256, classes], [classes]],
  },
  cnn: {
    input: [28, 28, 1],
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
};

/** Values in [0, 1) that look random and are the same everywhere. */
export function noise(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    const value = Math.sin(index * 12.9898 + seed * 78.233) * 43758.5453;
    return value - Math.floor(value);
  });
}

/** Uniform in +-sqrt(3 / fan in); biases are zero. */
export function initialWeights(name: CaseName): Float32Array[] {
  return cases[name].weights.map((shape, index) => {
    const size = sizeOf(shape);
    if (shape.length === 1) return new Float32Array(size);
    const bound = Math.sqrt((3 * shape[shape.length - 1]) / size);
    return noise(size, index + 1).map((value) => (2 * value - 1) * bound);
  });
}

export interface StepBatch {
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  readonly size: number;
}

/** The batches that are trained on in turn. */
export function batches(name: CaseName, size = batchSize): StepBatch[] {
  return Array.from({ length: batchPool }, (_, index) => ({
    inputs: noise(size * sizeOf(cases[name].input), 100 + index),
    labels: Int32Array.from(noise(size, 200 + index), (value) => Math.floor(value * classes)),
    size,
  }));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
