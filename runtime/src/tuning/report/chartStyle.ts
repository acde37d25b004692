import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import type { Direction } from '../../hpo/trialState.ts';

/** Width of a chart that takes the whole page, in pixels. */
export const WIDTH = 720;

/** Told apart with every kind of colour vision. */
export const COLORS = {
  complete: '#0072b2',
  pruned: '#e69f00',
  failed: '#d55e00',
  running: '#8c959f',
  best: '#1b1f24',
} as const;

/** Best values dark, worst ones light, for `direction`. */
export function valueColor(direction: Direction, domain: readonly [number, number]) {
  return {
    scheme: 'viridis' as const,
    domain: [...domain],
    reverse: direction === 'maximize',
    clamp: true,
  };
}

/**
 * The range that an axis shows: all values, but not the few that lie so far out that the others
 * would be one line; those are drawn at the edge.
 */
export function shownRange(values: readonly number[]): [number, number] {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return [0, 1];
  const quantile = (share: number): number => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high] = [quantile(0.1), quantile(0.9)];
  const reach = 1.5 * (high - low);
  // With half of the values equal there is no spread to measure by.
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  const shown: [number, number] =
    reach === 0 ? [least, most] : [Math.max(least, low - reach), Math.min(most, high + reach)];
  const margin = 0.04 * (shown[1] - shown[0]) || Math.abs(shown[0]) * 0.05 || 0.5;
  return [shown[0] - margin, shown[1] + margin];
}

/** Complete trials that have a finite value for the objective. */
export function measured(trials: readonly FrozenTrial[], objective: number): FrozenTrial[] {
  return trials.filter(
    (trial) => trial.state === 'COMPLETE' && Number.isFinite(trial.values?.[objective]),
  );
}
