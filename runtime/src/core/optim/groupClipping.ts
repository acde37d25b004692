import { clampValue, scale } from '../../engine/wasm/vectorRules.ts';
import { clipGradients, gradientNorm, type ClipConfig } from './clipping.ts';
import type { Optimizer } from './optimizer.ts';
import type { Range } from './paramGroups.ts';

/**
 * Limits an optimizer's gradients in place: groups with a `clip` of their own by that, each alone,
 * all others together by `clip`.
 * @returns the norm of all gradients before
 */
export function clipOptimizer(optimizer: Optimizer, clip: ClipConfig | null): number {
  const { arena, groups } = optimizer;
  if (groups.every((group) => group.clip === undefined)) return clipGradients(arena, clip ?? {});
  const norm = gradientNorm(arena);
  for (const group of groups) {
    if (group.clip !== undefined) clipRanges(optimizer, group.ranges, group.clip);
  }
  const others = groups.filter((group) => group.clip === undefined);
  if (clip !== null) {
    clipRanges(
      optimizer,
      others.flatMap(({ ranges }) => ranges),
      clip,
    );
  }
  return norm;
}

function clipRanges(
  { arena: { grads, kernels } }: Optimizer,
  ranges: readonly Range[],
  { norm: limit, value }: ClipConfig,
): void {
  const parts = ranges.map(({ start, end }) => grads.subarray(start, end));
  if (value !== undefined) {
    for (const x of parts) kernels.run(clampValue, { x }, { low: -value, high: value });
  }
  if (limit === undefined) return;
  const squares = parts.map((x) => kernels.sumOfSquares(x));
  const factor = limit / (Math.sqrt(squares.reduce((sum, square) => sum + square, 0)) + 1e-6);
  // Written so that a NaN norm is passed on to the gradients instead of being hidden.
  if (factor >= 1) return;
  for (const x of parts) kernels.run(scale, { x }, { factor });
}
