import type { TopLevelSpec } from 'vega-lite';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { COLORS, WIDTH } from './chartStyle.ts';

interface Span {
  readonly from: number;
  readonly to: number;
  readonly state: string;
}

/** Pauses longer than this share of the busy time are cut out. */
const LONG_PAUSE = 0.05;

/**
 * When each trial ran, in rows of trials that did not overlap: as many as ran side by side. Time
 * in which none ran is cut out where it is long.
 * @param trials with a start; those without an end run until the last moment known
 */
export function timelineChart(trials: readonly FrozenTrial[]): TopLevelSpec {
  const { spans, cuts } = withoutPauses(spansOf(trials));
  const last = spans.reduce((most, { to }) => Math.max(most, to), 0);
  const [unit, name] = last < 300 ? [1, 's'] : last < 3 * 3600 ? [60, 'min'] : [3600, 'h'];
  const rows = rowsOf(spans).map(({ from, to, ...rest }) => ({
    ...rest,
    from: from / unit,
    to: to / unit,
  }));
  const y = {
    field: 'row',
    type: 'ordinal' as const,
    title: null,
    axis: { ticks: false, domain: false, labels: false },
  };
  const x = {
    field: 'from',
    type: 'quantitative' as const,
    title: `time (${name})`,
    scale: { domain: [0, (last / unit) * 1.005 || 1], nice: false },
    axis: { grid: false },
  };
  return {
    width: WIDTH,
    height: { step: 22 },
    layer: [
      {
        data: { values: rows },
        mark: { type: 'bar', stroke: 'white', strokeWidth: 0.5, height: 16 },
        encoding: {
          x,
          x2: { field: 'to' },
          y,
          color: {
            field: 'state',
            type: 'nominal',
            title: null,
            legend: { orient: 'top' },
            scale: {
              domain: ['COMPLETE', 'PRUNED', 'FAIL', 'RUNNING'],
              range: [COLORS.complete, COLORS.pruned, COLORS.failed, COLORS.running],
            },
          },
        },
      },
      {
        data: { values: cuts.map((at) => ({ from: at / unit })) },
        mark: { type: 'rule', strokeDash: [3, 3], color: '#57606a' },
        encoding: { x },
      },
    ],
  };
}

function spansOf(trials: readonly FrozenTrial[]): Span[] {
  const begun = trials.filter((trial) => trial.datetimeStart !== null);
  const seconds = (text: string): number => Date.parse(text) / 1000;
  const known = begun.flatMap(({ datetimeStart, datetimeComplete }) =>
    [datetimeStart, datetimeComplete].flatMap((text) => (text === null ? [] : [seconds(text)])),
  );
  const end = known.reduce((latest, at) => Math.max(latest, at), 0);
  return begun
    .map(({ datetimeStart, datetimeComplete, state }) => ({
      from: seconds(datetimeStart ?? ''),
      to: datetimeComplete === null ? end : seconds(datetimeComplete),
      state,
    }))
    .sort((a, b) => a.from - b.from);
}

function withoutPauses(spans: readonly Span[]): { spans: Span[]; cuts: number[] } {
  const pauses: { at: number; length: number }[] = [];
  let [busy, end] = [0, spans.at(0)?.from ?? 0];
  for (const { from, to } of spans) {
    if (from > end) pauses.push({ at: end, length: from - end });
    busy += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  const long = pauses.filter(({ length }) => length > LONG_PAUSE * busy);
  const begin = spans.at(0)?.from ?? 0;
  const moved = (time: number): number =>
    time -
    begin -
    long.reduce((sum, { at, length }) => sum + Math.min(length, Math.max(0, time - at)), 0);
  return {
    spans: spans.map(({ from, to, state }) => ({ from: moved(from), to: moved(to), state })),
    cuts: long.map(({ at }) => moved(at)),
  };
}

function rowsOf(spans: readonly Span[]): (Span & { row: number })[] {
  const ends: number[] = [];
  return spans.map((span) => {
    const free = ends.findIndex((end) => end <= span.from);
    const at = free < 0 ? ends.length : free;
    ends[at] = span.to;
    return { ...span, row: at + 1 };
  });
}
