import type { ProfilerSummary } from './profiler.ts';

/** One line: `compute 81.2 %, data wait 10.0 %, ...`, phases that took no time left out. */
export function phaseLine({ phases }: ProfilerSummary): string {
  return phases
    .filter(({ percent }) => percent > 0)
    .map(({ name, percent }) => `${phaseTitles[name]} ${percent.toFixed(1)} %`)
    .join(', ');
}

/** A table of the phases: seconds and share of each. */
export function phaseTable({ phases, seconds }: ProfilerSummary): string {
  const rows = phases.map(({ name, seconds: spent, percent }) => [
    phaseTitles[name],
    spent.toFixed(2),
    percent.toFixed(1),
  ]);
  return table(['phase', 'seconds', '%'], [...rows, ['total', seconds.toFixed(2), '100.0']]);
}

/** A table of the hooks: calls, mean, longest and total time, share of the whole. */
export function hookTable({ hooks, seconds }: ProfilerSummary): string {
  const rows = hooks
    .slice(0, shownHooks)
    .map(({ name, calls, total, longest }) => [
      name,
      String(calls),
      (total / calls).toFixed(3),
      longest.toFixed(3),
      (total / 1000).toFixed(2),
      (seconds > 0 ? total / seconds / 10 : 0).toFixed(1),
    ]);
  const shown = table(['hook', 'calls', 'mean ms', 'longest ms', 'seconds', '%'], rows);
  const left = hooks.length - rows.length;
  return left > 0 ? `${shown}\n(${String(left)} more took less)` : shown;
}

const shownHooks = 8;

const phaseTitles = {
  compute: 'compute',
  dataWait: 'data wait',
  validation: 'validation',
  logging: 'logging',
  checkpoint: 'checkpoint',
  idle: 'idle',
} as const;

// The first column to the left, numbers to the right.
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ');
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join(
    '\n',
  );
}
