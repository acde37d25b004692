import { clampValue, scale } from '../../engine/wasm/vectorRules.ts';
import { gradientNorm, limitGradients, type ClipConfig, type Clipping } from './clipping.ts';
import type { Optimizer } from './optimizer.ts';
import type { Range } from './paramGroups.ts';

/**
 * Limits an optimizer's gradients in place: groups with a `clip` of their own by that, each alone,
 * all others together by `clip`.
 */
export function clipOptimizer(optimizer: Optimizer, clip: ClipConfig | null): Clipping {
  const { arena, groups } = optimizer;
  if (groups.every((group) => group.clip === undefined)) return limitGradients(arena, clip ?? {});
  const norm = gradientNorm(arena);
  let byNorm = false;
  for (const group of groups) {
    if (group.clip === undefined) continue;
    if (clipRanges(optimizer, group.ranges, group.clip)) byNorm = true;
  }
  const others = groups.filter((group) => group.clip === undefined);
  const ranges = others.flatMap((group) => group.ranges);
  if (clip !== null && clipRanges(optimizer, ranges, clip)) byNorm = true;
  return { norm, byNorm };
}

/** Whether anything of an optimizer is limited by its norm. */
export function clipsByNorm({ groups }: Optimizer, clip: ClipConfig | null): boolean {
  return (
    groups.some((group) => group.clip?.norm !== undefined) ||
    (clip?.norm !== undefined && groups.some((group) => group.clip === undefined))
  );
}

/** @returns whether the norm was beyond its limit */
function clipRanges(
  { arena: { grads, kernels } }: Optimizer,
  ranges: readonly Range[],
  { norm: limit, value }: ClipConfig,
): boolean {
  const parts = ranges.map(({ start, end }) => grads.subarray(start, end));
  if (value !== undefined) {
    for (const x of parts) kernels.run(clampValue, { x }, { low: -value, high: value });
  }
  if (limit === undefined) return false;
  const squares = parts.map((x) => kernels.sumOfSquares(x));
  const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  const factor = limit / (norm + 1e-6);
  // Written so that a NaN norm is passed on to the gradients instead of being hidden.
  if (factor >= 1) return false;
  for (const x of parts) kernels.run(scale, { x }, { factor });
  return norm > limit;
}
