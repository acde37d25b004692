import { z } from 'zod';
import type { ParameterArena } from '../../engine/arena/parameterArena.ts';
import { clampValue, scale } from '../../engine/wasm/vectorRules.ts';

/** How gradients are limited before an update; with both, the value comes first. */
export const clipSchema = z.strictObject({
  norm: z.number().positive().optional().describe('Largest norm of all gradients together'),
  value: z.number().positive().optional().describe('Largest absolute value of one gradient'),
});

export type ClipConfig = z.output<typeof clipSchema>;

/** What limiting found and did. */
export interface Clipping {
  /** Of all gradients before. */
  readonly norm: number;
  /** Whether a norm was beyond its limit. */
  readonly byNorm: boolean;
}

/** Limits `arena.grads` in place and returns their norm before that. */
export function clipGradients(arena: ParameterArena, clip: ClipConfig = {}): number {
  return limitGradients(arena, clip).norm;
}

/** Limits `arena.grads` in place. */
export function limitGradients(arena: ParameterArena, clip: ClipConfig): Clipping {
  const norm = gradientNorm(arena);
  if (clip.value !== undefined) clipByValue(arena, clip.value);
  if (clip.norm === undefined) return { norm, byNorm: false };
  const limited = clip.value === undefined ? norm : gradientNorm(arena);
  clipByGlobalNorm(arena, clip.norm, limited);
  return { norm, byNorm: limited > clip.norm };
}

/** Euclidean norm of all gradients together. */
export function gradientNorm(arena: ParameterArena): number {
  return Math.sqrt(arena.kernels.sumOfSquares(arena.grads));
}

/**
 * Scales all gradients so that their norm is at most `maxNorm`, as torch's clip_grad_norm_ does.
 * @returns the norm before
 */
export function clipByGlobalNorm(
  arena: ParameterArena,
  maxNorm: number,
  norm = gradientNorm(arena),
): number {
  const factor = maxNorm / (norm + 1e-6);
  // Written so that a NaN norm is passed on to the gradients instead of being hidden.
  if (!(factor >= 1)) arena.kernels.run(scale, { x: arena.grads }, { factor });
  return norm;
}

/** Limits each gradient to [-limit, limit]. @returns the norm before */
export function clipByValue(arena: ParameterArena, limit: number): number {
  const norm = gradientNorm(arena);
  arena.kernels.run(clampValue, { x: arena.grads }, { low: -limit, high: limit });
  return norm;
}
