import type { TopLevelSpec } from 'vega-lite';
import type { MetricsRow } from '../core/logger.ts';

/** The logged values of one run. */
export interface RunMetrics {
  /** How the run is called in the legend. */
  readonly name: string;
  readonly rows: readonly MetricsRow[];
}

/** What a chart shows. */
export interface MetricsChart {
  /** Full names, such as `train/loss`. */
  readonly metrics: readonly string[];
  readonly x: 'step' | 'epoch' | 'time';
  readonly log: boolean;
}

/** More points than this cannot be told apart, and make the file large. */
const maxPoints = 1500;

/** One panel for each metric without its stage, lines for stages and runs. */
export function metricsChart(runs: readonly RunMetrics[], chart: MetricsChart): TopLevelSpec {
  const titles = [...new Set(chart.metrics.map(baseName))];
  const of = (title: string) => chart.metrics.filter((metric) => baseName(metric) === title);
  const several = runs.length > 1;
  return {
    ...(several ? {} : { title: runs[0]?.name }),
    vconcat: titles.map((title) => panel(title, of(title), runs, chart)),
  };
}

function panel(
  title: string,
  metrics: readonly string[],
  runs: readonly RunMetrics[],
  { x, log }: MetricsChart,
) {
  const values = runs.flatMap((run) =>
    metrics.flatMap((metric) => {
      const line = runs.length > 1 ? `${run.name} ${metric}` : metric;
      return series(run, metric, x).map((point) => ({ ...point, line }));
    }),
  );
  const shown = log ? values.filter(({ y }) => y > 0) : values;
  const lines = new Set(shown.map(({ line }) => line));
  const type = log ? ('log' as const) : ('linear' as const);
  return {
    width: 640,
    height: 220,
    data: { values: shown },
    encoding: {
      x: { field: 'x', type: 'quantitative' as const, title: xTitle[x] },
      y: {
        field: 'y',
        type: 'quantitative' as const,
        title,
        scale: { zero: false, type },
      },
      color: { field: 'line', type: 'nominal' as const, title: null },
    },
    // A line of a few points is easier to see with the points.
    mark: { type: 'line' as const, point: shown.length < 40 * lines.size },
  };
}

const xTitle = { step: 'optimizer updates', epoch: 'epoch', time: 'minutes' } as const;

function series({ rows }: RunMetrics, metric: string, x: MetricsChart['x']) {
  const found = rows.filter(({ values }) => Number.isFinite(values[metric]));
  const points = found.map((row) => ({
    x: x === 'time' ? row.time / 60 : row[x],
    y: row.values[metric],
  }));
  const stride = Math.ceil(points.length / maxPoints);
  return points.filter((_, index) => index % stride === 0 || index === points.length - 1);
}

/** `loss` of `train/loss` and `val/loss`. */
function baseName(metric: string): string {
  return metric.split('/').slice(1).join('/') || metric;
}
