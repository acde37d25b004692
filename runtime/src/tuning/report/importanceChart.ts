import type { TopLevelSpec } from 'vega-lite';
import { COLORS, WIDTH } from './chartStyle.ts';
import { paramLabels } from './paramLabels.ts';

/** A bar for each parameter, the most important on top. */
export function importanceChart(importances: Readonly<Record<string, number>>): TopLevelSpec {
  const labels = paramLabels(Object.keys(importances));
  const values = Object.entries(importances).map(([name, share]) => ({
    name: labels.get(name),
    share,
    text: `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`,
  }));
  const y = {
    field: 'name',
    type: 'nominal' as const,
    sort: null,
    title: null,
    axis: { labelLimit: 0, ticks: false, domain: false },
  };
  const x = {
    field: 'share',
    type: 'quantitative' as const,
    title: null,
    axis: null,
    scale: { domain: [0, Math.max(...values.map(({ share }) => share), 1e-9)] },
  };
  return {
    width: WIDTH - 240,
    height: { step: 24 },
    data: { values },
    layer: [
      { mark: { type: 'bar', color: COLORS.complete, height: 14 }, encoding: { x, y } },
      {
        mark: { type: 'text', align: 'left', dx: 5, color: '#57606a' },
        encoding: { x, y, text: { field: 'text' } },
      },
    ],
    config: { view: { stroke: null } },
  };
}
