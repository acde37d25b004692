import { registerOnCpu, type HostValues } from './cpuKernel.ts';

/** Attributes of `LayerNorm` and `LayerNormGrad`. */
export interface LayerNormAttrs {
  readonly epsilon: number;
}

/**
 * Registers `LayerNorm` and `LayerNormGrad` for tfjs's `cpu` back end, which also serves as
 * fallback. The first gives the result, each row's mean and the inverse of its deviation.
 */
export function registerLayerNormOnCpu(): void {
  registerOnCpu('LayerNorm', forward);
  registerOnCpu('LayerNormGrad', backward);
}

function forward(
  { x, scale, shift }: Record<string, HostValues>,
  { epsilon }: LayerNormAttrs,
): HostValues[] {
  const [rows, width] = sizes(x);
  const y = new Float32Array(x.values.length);
  const means = new Float32Array(rows);
  const inverses = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const values = x.values.subarray(row * width, (row + 1) * width);
    const mean = values.reduce((sum, value) => sum + value, 0) / width;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    for (let column = 0; column < width; column++) {
      const normal = (values[column] - mean) * inverse;
      y[row * width + column] = normal * scale.values[column] + shift.values[column];
    }
    [means[row], inverses[row]] = [mean, inverse];
  }
  const shape = [...x.shape.slice(0, -1), 1];
  return [
    { shape: x.shape, values: y },
    { shape, values: means },
    { shape, values: inverses },
  ];
}

function backward({ dy, x, scale, mean, inverse }: Record<string, HostValues>): HostValues[] {
  const [rows, width] = sizes(x);
  const dx = new Float32Array(x.values.length);
  const dScale = new Float32Array(width);
  const dShift = new Float32Array(width);
  for (let row = 0; row < rows; row++) {
    const normal = (column: number) =>
      (x.values[row * width + column] - mean.values[row]) * inverse.values[row];
    let [total, along] = [0, 0];
    for (let column = 0; column < width; column++) {
      const change = dy.values[row * width + column];
      total += change * scale.values[column];
      along += change * scale.values[column] * normal(column);
      dScale[column] += change * normal(column);
      dShift[column] += change;
    }
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      const common = (total + normal(column) * along) / width;
      dx[at] = (dy.values[at] * scale.values[column] - common) * inverse.values[row];
    }
  }
  return [
    { shape: x.shape, values: dx },
    { shape: [width], values: dScale },
    { shape: [width], values: dShift },
  ];
}

function sizes({ shape, values }: HostValues): [rows: number, width: number] {
  const width = shape[shape.length - 1];
  return [values.length / width, width];
}
