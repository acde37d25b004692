// Taken out of the global object once: inside jest's sandbox each look-up there is slow.
const { abs, exp, expm1, log, log1p, max, min, sqrt } = Math;
const { EPSILON } = Number;
const SQRT_HALF = Math.SQRT1_2;
const LOG_SQRT_TAU = 0.5 * log(2 * Math.PI);

/** The standard normal distribution function. */
export function ndtr(x: number): number {
  return 0.5 * erfc(-x * SQRT_HALF);
}

/** Its logarithm, exact also far out in the left tail. */
export function logNdtr(x: number): number {
  if (x > 6) return -ndtr(-x);
  if (x > -20) return log(ndtr(x));
  // Asymptotic series of Mills' ratio, until its terms no longer count.
  const inverse = 1 / (x * x);
  let term = 1;
  let sum = 1;
  for (let index = 1; index < 40; index++) {
    const next = -term * (2 * index - 1) * inverse;
    if (abs(next) < EPSILON || abs(next) > abs(term)) break;
    term = next;
    sum += term;
  }
  return -0.5 * x * x - log(-x) - LOG_SQRT_TAU + log(sum);
}

/** Logarithm of the standard normal's mass in [a, b], a < b. */
export function logMass(a: number, b: number): number {
  // In the right tail differences cancel, so it is mirrored to the left one.
  if (a > 0) return logDifference(logNdtr(-a), logNdtr(-b));
  if (b <= 0) return logDifference(logNdtr(b), logNdtr(a));
  // So far out nothing is missing that a number near 1 could show.
  const left = a < -8.5 ? 0 : ndtr(a);
  const right = b > 8.5 ? 0 : ndtr(-b);
  return left === 0 && right === 0 ? 0 : log1p(-left - right);
}

/** The point of the standard normal cut to [a, b] below which the share `q` of its mass lies. */
export function truncatedQuantile(q: number, a: number, b: number): number {
  if (q <= 0) return a;
  if (q >= 1) return b;
  const mass = logMass(a, b);
  const near = nearQuantile(q, a, b, exp(mass));
  if (near !== undefined) return min(max(near, a), b);
  const x =
    a < 0
      ? inverseLogNdtr(logSum(logNdtr(a), log(q) + mass))
      : -inverseLogNdtr(logSum(logNdtr(-b), log1p(-q) + mass));
  return min(max(x, a), b);
}

/** Where neither the point nor the mass is far out in a tail, without logarithms. */
function nearQuantile(q: number, a: number, b: number, mass: number): number | undefined {
  if (mass < 1e-6) return undefined;
  const below = ndtr(a) + q * mass;
  if (below <= 0.5) return below < FAR_OUT ? undefined : quantile(below);
  const above = ndtr(-b) + (1 - q) * mass;
  return above < FAR_OUT ? undefined : -quantile(above);
}

/**
 * The point below which the standard normal has the mass p of [1e-10, 0.5], by Wichura's rational
 * approximations (algorithm AS 241, Applied Statistics 37, 1988), relative error about 1e-16.
 */
function quantile(p: number): number {
  const q = p - 0.5;
  if (q >= -0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTRE_TOP, r)) / polynomial(CENTRE_BOTTOM, r);
  }
  const r = sqrt(-log(p)) - 1.6;
  return -polynomial(SIDE_TOP, r) / polynomial(SIDE_BOTTOM, r);
}

const FAR_OUT = 1e-10;
const CENTRE_TOP = [
  2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
  1971.5909503065513, 133.14166789178438, 3.3871328727963665,
];
const CENTRE_BOTTOM = [
  5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
  687.1870074920579, 42.31333070160091, 1,
];
const SIDE_TOP = [
  7.745450142783414e-4, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684,
  3.6478483247632045, 5.769497221460691, 4.630337846156546, 1.4234371107496835,
];
const SIDE_BOTTOM = [
  1.0507500716444169e-9, 5.475938084995345e-4, 0.015198666563616457, 0.14810397642748008,
  0.6897673349851, 1.6763848301838038, 2.053191626637759, 1,
];

/** x with logNdtr(x) = y, y < 0: Newton's method from the tail's or the logistic approximation. */
function inverseLogNdtr(y: number): number {
  const mirrored = y > -1e-2;
  const target = mirrored ? log(-expm1(y)) : y;
  let x =
    target < -5 ? -sqrt(-2 * (target + LOG_SQRT_TAU)) : (-sqrt(3) / Math.PI) * log(expm1(-target));
  for (let round = 0; round < 100; round++) {
    const value = logNdtr(x);
    const move = (value - target) * exp(value + 0.5 * x * x + LOG_SQRT_TAU);
    x -= move;
    if (!(abs(move) >= 1e-10 * abs(x))) break;
  }
  return mirrored ? -x : x;
}

function logDifference(larger: number, smaller: number): number {
  return larger + log1p(-exp(smaller - larger));
}

function logSum(a: number, b: number): number {
  const high = max(a, b);
  return high + log1p(exp(min(a, b) - high));
}

/**
 * The complementary error function by Cody's rational approximations ("Rational Chebyshev
 * approximations for the error function", Math. Comp. 23, 1969), relative error about 1e-16 near
 * 0 and 1e-13 at the far end, where the rounding of the square counts.
 */
export function erfc(x: number): number {
  const size = abs(x);
  // Beyond this the complement is lost in the rounding of 2.
  if (x < -6) return 2;
  if (size <= 0.46875) return 1 - x * smallErf(x * x);
  const tail = size <= 4 ? middleTail(size) : farTail(size);
  return x < 0 ? 2 - tail : tail;
}

/** erf(x) / x by the square of x. */
function smallErf(z: number): number {
  const top =
    (((0.18577770618460315 * z + 3.1611237438705655) * z + 113.86415415105016) * z +
      377.485237685302) *
      z +
    3209.3775891384694;
  const bottom =
    (((z + 23.601290952344122) * z + 244.02463793444417) * z + 1282.6165260773723) * z +
    2844.236833439171;
  return top / bottom;
}

const MIDDLE_TOP = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163,
  298.6351381974001, 881.952221241769, 1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
];
const MIDDLE_BOTTOM = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903,
  3290.7992357334597, 4362.619090143247, 3439.3676741437216, 1230.3393548037495,
];
const FAR_TOP = [
  0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926,
  0.016083785148742275, 0.0006587491615298378,
];
const FAR_BOTTOM = [
  1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132,
  0.0023352049762686918,
];

function middleTail(x: number): number {
  return exp(-x * x) * (polynomial(MIDDLE_TOP, x) / polynomial(MIDDLE_BOTTOM, x));
}

function farTail(x: number): number {
  if (x > 27.3) return 0;
  const z = 1 / (x * x);
  const ratio = (z * polynomial(FAR_TOP, z)) / polynomial(FAR_BOTTOM, z);
  return (exp(-x * x) * (1 / sqrt(Math.PI) - ratio)) / x;
}

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (let index = 0; index < coefficients.length; index++) value = value * x + coefficients[index];
  return value;
}
