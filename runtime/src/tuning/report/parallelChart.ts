import type { TopLevelSpec } from 'vega-lite';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import type { Direction } from '../../hpo/trialState.ts';
import { shortNumber } from '../../hpo/shortNumber.ts';
import { measured, shownRange, valueColor, WIDTH } from './chartStyle.ts';
import { type ParamAxis, paramAxis, placeOnAxis } from './paramAxis.ts';
import { paramLabels } from './paramLabels.ts';

/** More lines are a surface. */
export const MOST_LINES = 300;

/** Parallel coordinates: a line for each complete trial through its parameters, the best on top. */
export function parallelChart(
  trials: readonly FrozenTrial[],
  names: readonly string[],
  objective: { readonly name: string; readonly direction: Direction; readonly index: number },
): TopLevelSpec {
  const { index, direction } = objective;
  const sign = direction === 'minimize' ? 1 : -1;
  const valueOf = (trial: FrozenTrial): number => trial.values?.[index] ?? NaN;
  const lines = measured(trials, index)
    .filter((trial) => names.every((name) => Object.hasOwn(trial.params, name)))
    .sort((a, b) => sign * (valueOf(a) - valueOf(b)))
    .slice(0, MOST_LINES)
    .reverse();
  const labelOf = paramLabels(names);
  const axes = names.flatMap((name) => {
    const axis = paramAxis(name, trials);
    return axis === undefined ? [] : [{ ...axis, label: labelOf.get(name) }];
  });
  const rows = lines.flatMap((trial, order) =>
    axes.map((axis) => ({
      order,
      value: valueOf(trial),
      param: axis.label,
      place: placeOnAxis(axis, trial.params[axis.name]),
    })),
  );
  const labels = axes.flatMap(endLabels);
  const x = {
    field: 'param',
    type: 'nominal' as const,
    sort: null,
    title: null,
    scale: { type: 'point' as const, padding: 0.4 },
    axis: { orient: 'top' as const, labelAngle: 0, labelLimit: 0, ticks: false },
  };
  const y = {
    field: 'place',
    type: 'quantitative' as const,
    axis: null,
    scale: { domain: [-0.06, 1.06] },
  };
  const color = {
    field: 'value',
    type: 'quantitative' as const,
    title: objective.name,
    scale: valueColor(direction, shownRange(lines.map(valueOf))),
  };
  return {
    width: WIDTH - 60,
    height: 300,
    layer: [
      {
        data: { values: axes.map(({ label }) => ({ param: label })) },
        mark: { type: 'rule', color: '#afb8c1' },
        encoding: { x },
      },
      {
        data: { values: rows },
        mark: { type: 'line', strokeWidth: 1.3, opacity: 0.65 },
        encoding: { x, y, color, detail: { field: 'order', type: 'ordinal' } },
      },
      {
        data: { values: labels },
        mark: { type: 'text', align: 'left', dx: 5, fontSize: 10, stroke: 'white', strokeWidth: 3 },
        encoding: { x, y, text: { field: 'text' } },
      },
      {
        data: { values: labels },
        mark: { type: 'text', align: 'left', dx: 5, fontSize: 10 },
        encoding: { x, y, text: { field: 'text' } },
      },
    ],
    config: { view: { stroke: null }, axis: { domain: false } },
  };
}

/** The ends of a range, or every choice. */
function endLabels(axis: ParamAxis & { label: string | undefined }) {
  const param = axis.label;
  if (axis.choices === undefined) {
    return [
      { param, place: 0, text: shortNumber(axis.low) },
      { param, place: 1, text: shortNumber(axis.high) },
    ];
  }
  return axis.choices.map((text) => ({ param, place: placeOnAxis(axis, text), text }));
}
