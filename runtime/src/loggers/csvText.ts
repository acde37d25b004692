import type { MetricsRow } from '../core/logger.ts';

/** What every row begins with; metrics follow in the order in which they first appeared. */
export const fixedColumns = ['step', 'epoch', 'stage', 'time'] as const;

/** The first line, with its end. */
export function headerLine(metrics: readonly string[]): string {
  return `${[...fixedColumns, ...metrics].map(quote).join(',')}\n`;
}

/** A row's line, with its end; metrics that it lacks are empty cells. */
export function rowLine(row: MetricsRow, metrics: readonly string[]): string {
  const { step, epoch, stage, time, values } = row;
  const cells = metrics.map((name) => (Object.hasOwn(values, name) ? String(values[name]) : ''));
  return `${[step, epoch, stage, time, ...cells].join(',')}\n`;
}

/** The metrics that a first line names; null when it is not the first line of such a file. */
export function parseHeader(line: string): string[] | null {
  const cells = Array.from(line.matchAll(cell), ([, quoted, plain]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );
  const fixed = fixedColumns.every((name, index) => cells[index] === name);
  return fixed ? cells.slice(fixedColumns.length) : null;
}

/** A line's step; -1 for the first line, null for a line that is no row. */
export function stepOfLine(line: string): number | null {
  if (parseHeader(line) !== null) return -1;
  const step = Number(line.slice(0, line.indexOf(',')));
  return line.includes(',') && Number.isFinite(step) ? step : null;
}

const cell = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g;

// A line break inside a cell would make two lines of it for everything that reads line by line.
function quote(name: string): string {
  const oneLine = name.replaceAll(/[\r\n]+/g, ' ');
  return /[",]/.test(oneLine) ? `"${oneLine.replaceAll('"', '""')}"` : oneLine;
}
