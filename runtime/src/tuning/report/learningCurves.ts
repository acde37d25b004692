import type { TopLevelSpec } from 'vega-lite';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { COLORS, shownRange, WIDTH } from './chartStyle.ts';

/** With more, lines hide each other. */
export const MOST_CURVES = 200;

/**
 * What trials reported on their way, each a line that ends in a dot where it was pruned.
 * @param best the number of the trial that is drawn on top
 */
export function learningCurves(
  trials: readonly FrozenTrial[],
  name: string,
  best: number | undefined,
): TopLevelSpec {
  const rows = trials.flatMap((trial) =>
    [...trial.intermediateValues]
      .filter(([, value]) => Number.isFinite(value))
      .sort(([a], [b]) => a - b)
      .map(([step, value], at, all) => ({
        trial: trial.number,
        step,
        value,
        state: trial.state,
        last: at === all.length - 1,
        best: trial.number === best,
      })),
  );
  const color = {
    field: 'state',
    type: 'nominal' as const,
    legend: null,
    scale: {
      domain: ['COMPLETE', 'PRUNED', 'FAIL', 'RUNNING', 'WAITING'],
      range: [COLORS.complete, COLORS.pruned, COLORS.failed, COLORS.running, COLORS.running],
    },
  };
  const x = {
    field: 'step',
    type: 'quantitative' as const,
    title: 'update',
    axis: { grid: false, tickMinStep: 1 },
    scale: { zero: false, nice: false, padding: 8 },
  };
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    title: name,
    scale: { domain: shownRange(rows.map(({ value }) => value)), clamp: true, zero: false },
  };
  const detail = { field: 'trial', type: 'nominal' as const };
  return {
    width: WIDTH,
    height: 280,
    data: { values: rows },
    layer: [
      {
        transform: [{ filter: '!datum.best' }],
        mark: { type: 'line', strokeWidth: 1, opacity: 0.45 },
        encoding: { x, y, detail, color },
      },
      {
        transform: [{ filter: "datum.last && datum.state !== 'COMPLETE'" }],
        mark: { type: 'point', filled: true, size: 22, opacity: 0.8 },
        encoding: { x, y, color },
      },
      {
        transform: [{ filter: 'datum.best' }],
        mark: { type: 'line', strokeWidth: 2.5, color: COLORS.best },
        encoding: { x, y, detail },
      },
    ],
  };
}
