import type { TopLevelSpec } from 'vega-lite';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { paretoFront } from '../../hpo/pareto.ts';
import type { Direction } from '../../hpo/trialState.ts';
import { COLORS, shownRange } from './chartStyle.ts';

/** Two objectives against each other, the trials that none beats in all objectives marked. */
export function paretoChart(
  trials: readonly FrozenTrial[],
  objectives: readonly { readonly name: string; readonly direction: Direction }[],
  [first, second]: readonly [number, number],
): TopLevelSpec {
  const front = new Set(
    paretoFront(
      trials,
      objectives.map(({ direction }) => direction),
    ),
  );
  const values = trials
    .filter((trial) => trial.state === 'COMPLETE')
    .map((trial) => ({
      first: trial.values?.[first] ?? null,
      second: trial.values?.[second] ?? null,
      front: front.has(trial),
    }));
  const channel = (field: 'first' | 'second', index: number) => ({
    field,
    type: 'quantitative' as const,
    title: objectives[index].name,
    scale: { domain: shownRange(values.map((row) => row[field] ?? NaN)), clamp: true, zero: false },
  });
  const [x, y] = [channel('first', first), channel('second', second)];
  const onFront = { filter: 'datum.front' };
  const layer: TopLevelSpec = {
    width: 460,
    height: 320,
    data: { values },
    layer: [
      {
        mark: { type: 'point', filled: true, size: 30, color: COLORS.running, opacity: 0.7 },
        encoding: { x, y },
      },
      {
        transform: [onFront],
        mark: { type: 'point', filled: true, size: 55, color: COLORS.failed },
        encoding: { x, y },
      },
    ],
  };
  return layer;
}
