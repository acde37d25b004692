/** Eigenvalues and, as columns, the vectors that belong to them. */
export interface Eigen {
  readonly values: Float64Array;
  /** Row after row. */
  readonly vectors: Float64Array;
}

const MOST_SWEEPS = 60;

/**
 * Of a symmetric matrix, by Jacobi's rotations.
 * @param matrix row after row; not changed
 */
export function symmetricEigen(matrix: Float64Array, size: number): Eigen {
  const a = matrix.slice();
  const vectors = new Float64Array(size * size);
  for (let index = 0; index < size; index++) vectors[index * size + index] = 1;
  for (let sweep = 0; sweep < MOST_SWEEPS && offDiagonal(a, size) > 0; sweep++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) rotate(a, vectors, size, p, q);
    }
  }
  return { values: Float64Array.from({ length: size }, (_, at) => a[at * size + at]), vectors };
}

/** 0 when what is left is less than the rounding of the diagonal. */
function offDiagonal(a: Float64Array, size: number): number {
  let off = 0;
  let diagonal = 0;
  for (let row = 0; row < size; row++) {
    diagonal += a[row * size + row] ** 2;
    for (let column = 0; column < row; column++) off += a[row * size + column] ** 2;
  }
  return off <= 1e-34 * diagonal ? 0 : off;
}

/** Makes the element (p, q) zero. */
function rotate(a: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const apq = a[p * size + q];
  if (apq === 0) return;
  const theta = (a[q * size + q] - a[p * size + p]) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const cosine = 1 / Math.sqrt(t * t + 1);
  const sine = t * cosine;
  for (let k = 0; k < size; k++) turn(a, k * size + p, k * size + q, cosine, sine);
  for (let k = 0; k < size; k++) turn(a, p * size + k, q * size + k, cosine, sine);
  for (let k = 0; k < size; k++) turn(vectors, k * size + p, k * size + q, cosine, sine);
}

function turn(a: Float64Array, one: number, other: number, cosine: number, sine: number): void {
  const [x, y] = [a[one], a[other]];
  a[one] = cosine * x - sine * y;
  a[other] = sine * x + cosine * y;
}
