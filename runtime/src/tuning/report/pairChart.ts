import type { TopLevelSpec } from 'vega-lite';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import type { Direction } from '../../hpo/trialState.ts';
import { shortValue } from '../trialText.ts';
import { measured, shownRange, valueColor } from './chartStyle.ts';
import { logTicks, paramAxis } from './paramAxis.ts';
import { paramLabels } from './paramLabels.ts';

/** Where two parameters' values lay together, coloured by what came of it; the best on top. */
export function pairChart(
  trials: readonly FrozenTrial[],
  names: readonly [string, string],
  objective: { readonly name: string; readonly direction: Direction; readonly index: number },
): TopLevelSpec {
  const { index, direction } = objective;
  const sign = direction === 'minimize' ? 1 : -1;
  const valueOf = (trial: FrozenTrial): number => trial.values?.[index] ?? NaN;
  const points = measured(trials, index)
    .filter((trial) => names.every((name) => Object.hasOwn(trial.params, name)))
    .sort((a, b) => sign * (valueOf(b) - valueOf(a)));
  const labels = paramLabels(names);
  const axes = names.map((name) => paramAxis(name, trials));
  const values = points.map((trial) => {
    const [first, second] = names.map((name, at) =>
      axes[at]?.choices === undefined ? trial.params[name] : shortValue(trial.params[name]),
    );
    return { first, second, value: valueOf(trial) };
  });
  const channel = (field: 'first' | 'second', at: 0 | 1) => {
    const axis = axes[at];
    const title = labels.get(names[at]);
    if (axis?.choices !== undefined) {
      const scale = { domain: [...axis.choices] };
      return { field, type: 'nominal' as const, title, scale, axis: { labelAngle: 0 } };
    }
    const type = axis?.log === true ? ('log' as const) : ('linear' as const);
    const scale = { type, domain: [axis?.low ?? 0, axis?.high ?? 1], nice: false, padding: 8 };
    const ticks = axis?.log === true ? logTicks(axis) : {};
    return {
      field,
      type: 'quantitative' as const,
      title,
      scale,
      axis: { tickCount: 5, labelOverlap: true, ...ticks },
    };
  };
  return {
    width: 460,
    height: 300,
    data: { values },
    mark: { type: 'point', filled: true, size: 60, opacity: 0.9 },
    encoding: {
      x: channel('first', 0),
      y: channel('second', 1),
      color: {
        field: 'value',
        type: 'quantitative',
        title: objective.name,
        scale: valueColor(direction, shownRange(points.map(valueOf))),
      },
    },
  };
}
