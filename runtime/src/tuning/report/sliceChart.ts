import type { TopLevelSpec } from 'vega-lite';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { shortValue } from '../trialText.ts';
import { measured, shownRange } from './chartStyle.ts';
import { logTicks, type ParamAxis, paramAxis } from './paramAxis.ts';
import { paramLabels } from './paramLabels.ts';

const COLUMNS = 3;

/** Value over each parameter, one panel a parameter; the later the trial, the darker. */
export function sliceChart(
  trials: readonly FrozenTrial[],
  names: readonly string[],
  objective: { readonly name: string; readonly index: number },
): TopLevelSpec {
  const points = measured(trials, objective.index);
  const valueOf = (trial: FrozenTrial): number => trial.values?.[objective.index] ?? NaN;
  const domain = shownRange(points.map(valueOf));
  const labels = paramLabels(names);
  const panel = (name: string, place: number) => {
    const axis = paramAxis(name, trials);
    const type = axis?.log === true ? ('log' as const) : ('linear' as const);
    const values = points
      .filter((trial) => Object.hasOwn(trial.params, name))
      .map((trial) => ({
        param: axis?.choices === undefined ? trial.params[name] : shortValue(trial.params[name]),
        value: valueOf(trial),
        trial: trial.number,
      }));
    const x =
      axis?.choices === undefined
        ? {
            field: 'param',
            type: 'quantitative' as const,
            title: labels.get(name),
            axis: { grid: false, tickCount: 4, labelOverlap: true, ...ticks(axis) },
            scale: { type, domain: [axis?.low ?? 0, axis?.high ?? 1], nice: false, padding: 6 },
          }
        : {
            field: 'param',
            type: 'nominal' as const,
            title: labels.get(name),
            axis: { labelAngle: 0, labelLimit: 80 },
            scale: { domain: [...axis.choices] },
          };
    return {
      width: 186,
      height: 150,
      data: { values },
      mark: { type: 'point' as const, filled: true, size: 26, opacity: 0.8 },
      encoding: {
        x,
        y: {
          field: 'value',
          type: 'quantitative' as const,
          title: place % COLUMNS === 0 ? objective.name : null,
          scale: { domain, clamp: true, zero: false },
        },
        color: {
          field: 'trial',
          type: 'quantitative' as const,
          scale: { scheme: 'blues' as const, domain: [-trials.length * 0.5, trials.length] },
          legend: null,
        },
      },
    };
  };
  return {
    concat: names.map(panel),
    columns: COLUMNS,
    bounds: 'flush',
    spacing: { row: 56, column: 44 },
  };
}

function ticks(axis: ParamAxis | undefined) {
  return axis?.log === true ? logTicks(axis) : {};
}
