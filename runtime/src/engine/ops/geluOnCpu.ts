import * as tf from '@tensorflow/tfjs-core';
import { registerOnCpu } from './cpuKernel.ts';

/** How `gelu` gets the normal distribution: `none` = exactly, `tanh` = GPT-2's approximation. */
export type GeluApproximation = 'none' | 'tanh';

/** The tanh form is x * sigmoid(x * (linear + cubic * x^2)). */
export const geluSlope = {
  linear: 2 * Math.sqrt(2 / Math.PI),
  cubic: 2 * Math.sqrt(2 / Math.PI) * 0.044715,
};

/** Registers `Gelu` and `GeluGrad` for tfjs's `cpu` back end, which also serves as fallback. */
export function registerGeluOnCpu(): void {
  registerOnCpu('Gelu', ({ x }, { approximate }: GeluAttrs) => [
    {
      shape: x.shape,
      values: x.values.map((value) => value * shareAndSlope(value, approximate)[0]),
    },
  ]);
  registerOnCpu('GeluGrad', ({ dy, x }, { approximate }: GeluAttrs) => [
    {
      shape: x.shape,
      values: x.values.map((value, at) => dy.values[at] * shareAndSlope(value, approximate)[1]),
    },
  ]);
}

/** Attributes of both kernels. */
export interface GeluAttrs {
  readonly approximate: GeluApproximation;
}

/** P(X <= x), and the derivative of x * P(X <= x). */
function shareAndSlope(x: number, approximate: GeluApproximation): [number, number] {
  if (approximate === 'none') {
    const share = 0.5 * (1 + erf(x * Math.SQRT1_2));
    return [share, share + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI)];
  }
  const { linear, cubic } = geluSlope;
  const share = 1 / (1 + Math.exp(-x * (linear + cubic * x * x)));
  return [share, share + x * share * (1 - share) * (linear + 3 * cubic * x * x)];
}

/** Abramowitz and Stegun 7.1.26, as tfjs's own kernel has it. */
function erf(x: number): number {
  const { ERF_P, ERF_A1, ERF_A2, ERF_A3, ERF_A4, ERF_A5 } = tf.backend_util;
  const t = 1 / (1 + ERF_P * Math.abs(x));
  const series = ((((ERF_A5 * t + ERF_A4) * t + ERF_A3) * t + ERF_A2) * t + ERF_A1) * t;
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}
