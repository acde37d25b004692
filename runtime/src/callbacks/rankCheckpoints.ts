/** A checkpoint with the value it is ranked by; null when the newest are kept. */
export interface RankedCheckpoint {
  readonly path: string;
  readonly value: number | null;
}

export interface Ranking {
  /** Best (or newest) first. */
  readonly kept: RankedCheckpoint[];
  readonly removed: RankedCheckpoint[];
  readonly best: RankedCheckpoint | null;
}

/**
 * Decides which checkpoints stay when one is added. Among equals the older one is better; NaN is
 * worse than anything.
 * @param keep how many; -1 for all
 */
export function rankCheckpoints(
  existing: readonly RankedCheckpoint[],
  added: RankedCheckpoint,
  { mode, keep }: { mode: 'min' | 'max'; keep: number },
): Ranking {
  const others = existing.filter(({ path }) => path !== added.path);
  const ranked =
    added.value === null
      ? [added, ...others]
      : [...others, added].toSorted((a, b) => score(a, mode) - score(b, mode));
  const count = keep === -1 ? ranked.length : keep;
  const kept = ranked.slice(0, count);
  return { kept, removed: ranked.slice(count), best: kept.at(0) ?? null };
}

function score({ value }: RankedCheckpoint, mode: 'min' | 'max'): number {
  if (value === null || Number.isNaN(value)) return Number.MAX_VALUE;
  const sign = mode === 'min' ? 1 : -1;
  // Infinities would make the difference of two of them NaN.
  return Math.max(-1e308, Math.min(1e308, sign * value));
}
