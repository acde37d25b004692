import type { TopLevelSpec } from 'vega-lite';
import type { BatchSizeTrial } from './batchSizeSearch.ts';
import type { LrPoint } from './lrCurve.ts';

const size = { width: 640, height: 360 };

/** Loss over learning rate, with the suggestion marked. */
export function lrChart(
  points: readonly LrPoint[],
  suggestion: number | null,
  logarithmic: boolean,
): TopLevelSpec {
  const finite = points.filter(({ smoothed }) => Number.isFinite(smoothed));
  // A loss that has run away would press everything else flat.
  const least = Math.min(...finite.flatMap(({ loss, smoothed }) => [loss, smoothed]));
  const first = finite.at(0)?.smoothed ?? 1;
  const top = Math.max(first, least) + 0.5 * Math.abs(first - least) + 1e-9;
  const type = logarithmic ? ('log' as const) : ('linear' as const);
  const x = {
    field: 'lr',
    type: 'quantitative' as const,
    scale: { type },
    title: 'learning rate',
    axis: { format: '.0e' },
  };
  const y = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: 'loss',
    scale: { domain: [least - 0.05 * Math.abs(top - least), top], clamp: true },
  });
  const marks = suggestion === null ? [] : [{ lr: suggestion, label: suggestion.toExponential(2) }];
  return {
    ...size,
    title: 'Learning rate range test',
    data: { values: finite },
    layer: [
      { mark: { type: 'line', color: '#bbb', strokeWidth: 1 }, encoding: { x, y: y('loss') } },
      { mark: { type: 'line', color: '#1f77b4' }, encoding: { x, y: y('smoothed') } },
      {
        data: { values: marks },
        mark: { type: 'rule', color: '#d62728', strokeDash: [4, 4] },
        encoding: { x },
      },
      {
        data: { values: marks },
        mark: { type: 'text', align: 'left', dx: 6, color: '#d62728' },
        encoding: { x, y: { value: 12 }, text: { field: 'label' } },
      },
    ],
  };
}

/** Samples a second and memory over batch size. */
export function batchSizeChart(
  trials: readonly BatchSizeTrial[],
  chosen: number | null,
): TopLevelSpec {
  const values = trials.flatMap(({ size: batch, measure }) =>
    measure === null
      ? []
      : [
          {
            batch,
            rate: measure.samplesPerSecond,
            memory: measure.peakBytes / 2 ** 20,
            chosen: batch === chosen,
          },
        ],
  );
  const x = {
    field: 'batch',
    type: 'quantitative' as const,
    scale: { type: 'log' as const, base: 2 },
    title: 'batch size',
    axis: { values: values.map(({ batch }) => batch) },
  };
  const panel = (field: string, title: string, color: string) => ({
    width: size.width,
    height: 180,
    encoding: { x, y: { field, type: 'quantitative' as const, title } },
    layer: [
      { mark: { type: 'line' as const, color } },
      {
        mark: { type: 'point' as const, filled: true, size: 70 },
        encoding: {
          color: { condition: { test: 'datum.chosen', value: '#d62728' }, value: color },
        },
      },
    ],
  });
  return {
    title: 'Batch sizes',
    data: { values },
    vconcat: [
      panel('rate', 'samples a second', '#1f77b4'),
      panel('memory', 'memory (MB)', '#2ca02c'),
    ],
  };
}
