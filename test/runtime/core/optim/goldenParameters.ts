import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import {
  ParameterArena,
  type ArenaOptions,
} from '../../../../runtime/src/engine/arena/parameterArena.ts';

/** What test/fixtures/torch/golden.py wrote. */
export interface Golden {
  optimizers: Record<string, { values: number[][]; state: Record<string, number[][]> }>;
  schedules: Record<string, number[]>;
  clip: { norm: number; grads: number[][] };
  /** p1 clipped by the norm 0.5, p0 by the value 0.25. */
  clipGroups: { grads: number[][] };
}

export const golden = JSON.parse(
  readFileSync(new URL('../../../fixtures/torch/golden.json', import.meta.url), 'utf8'),
) as Golden;

export const goldenSteps = 20;

const sizes = [7, 18];

/** The parameters of golden.py in an arena, named p0 and p1. */
export function goldenArena(options: ArenaOptions = {}): ParameterArena {
  const parameters = sizes.map((size, p) => {
    const values = Float32Array.from({ length: size }, (_, i) => Math.sin(0.9 * i + p + 0.5));
    return { name: `p${String(p)}`, variable: tf.variable(tf.tensor1d(values)) };
  });
  return new ParameterArena(parameters, options);
}

/** Writes the gradients of golden.py for an update. */
export function goldenGradients(arena: ParameterArena, step: number): void {
  arena.segments.forEach((segment, p) => {
    const view = arena.part(arena.grads, segment);
    view.forEach((_, i) => {
      view[i] = Math.sin(0.7 * i + 1.3 * step + p) / 2;
    });
  });
}

/** Parts of a flat vector as plain arrays. */
export function parts(arena: ParameterArena, vector: Float32Array): number[][] {
  return arena.segments.map((segment) => [...arena.part(vector, segment)]);
}

/** Largest |a - b| / max(1, |b|). */
export function largestError(actual: number[][], expected: number[][]): number {
  const wanted = expected.flat();
  return actual
    .flat()
    .map((value, i) => Math.abs(value - wanted[i]) / Math.max(1, Math.abs(wanted[i])))
    .reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), 0);
}
