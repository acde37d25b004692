import type { TopLevelSpec } from 'vega-lite';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { isBetter, isFinished, type Direction } from '../../hpo/trialState.ts';
import { COLORS, measured, shownRange, WIDTH } from './chartStyle.ts';

const HEIGHT = 280;

/** Values by trial with the best so far; what was pruned at its last report, failures at the edge. */
export function historyChart(
  trials: readonly FrozenTrial[],
  objective: { readonly name: string; readonly direction: Direction; readonly index: number },
): TopLevelSpec {
  const { name, direction, index } = objective;
  const points = trials
    .filter((trial) => isFinished(trial.state))
    .map((trial) => ({
      trial: trial.number,
      state: trial.state,
      value: trial.values?.[index] ?? null,
    }));
  const domain = shownRange(measured(trials, index).map((trial) => trial.values?.[index] ?? NaN));
  const x = {
    field: 'trial',
    type: 'quantitative' as const,
    title: 'trial',
    axis: { tickMinStep: 1, format: 'd', grid: false },
    scale: { nice: false, padding: 8 },
  };
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    title: name,
    scale: { domain, clamp: true, zero: false },
  };
  const state = (filter: string) => ({ filter: `datum.state === '${filter}'` });
  return {
    width: WIDTH,
    height: HEIGHT,
    data: { values: points },
    layer: [
      {
        transform: [state('PRUNED'), { filter: 'isValid(datum.value)' }],
        mark: { type: 'point', shape: 'triangle-down', color: COLORS.pruned, size: 36 },
        encoding: { x, y },
      },
      {
        transform: [state('COMPLETE')],
        mark: { type: 'point', filled: true, color: COLORS.complete, size: 36, opacity: 0.75 },
        encoding: { x, y },
      },
      {
        transform: [state('FAIL')],
        mark: { type: 'point', shape: 'cross', filled: true, color: COLORS.failed, size: 50 },
        encoding: { x, y: { value: HEIGHT } },
      },
      {
        data: { values: bestSoFar(trials, index, direction) },
        mark: { type: 'line', interpolate: 'step-after', color: COLORS.best, strokeWidth: 1.5 },
        encoding: { x, y },
      },
    ],
  };
}

/** The best value after each complete trial. */
function bestSoFar(trials: readonly FrozenTrial[], index: number, direction: Direction) {
  let best: number | undefined;
  const line: { trial: number; value: number }[] = [];
  for (const trial of measured(trials, index)) {
    const value = trial.values?.[index] ?? NaN;
    if (best === undefined || isBetter(direction, value, best)) best = value;
    line.push({ trial: trial.number, value: best });
  }
  return line;
}
