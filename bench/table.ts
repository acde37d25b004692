import type { Row } from './report.ts';

/** The rows of a finished suite as text for people. */
export function table(rows: readonly Row[]): string {
  const lines: string[] = [];
  for (const row of rows) {
    if ('machine' in row) {
      const facts = Object.entries(row.machine).map(([name, value]) => `${name} ${String(value)}`);
      lines.push(facts.join(', '));
    }
  }
  const measurements = rows.filter((row) => 'unit' in row);
  const cells = [
    ['case', 'subject', 'median', 'min', 'max', 'runs', 'unit'],
    ...measurements.map((row) => [
      row.case,
      row.subject,
      ...[row.median, row.min, row.max, row.runs].map(String),
      row.unit,
    ]),
  ];
  lines.push('', ...aligned(cells), '');
  for (const row of rows) {
    if ('ratio' in row) lines.push(`${row.case}: ${row.ratio} = ${String(row.median)}`);
    if ('note' in row) {
      const about = [row.case, row.subject].filter((part) => part !== undefined).join(' ');
      lines.push(about === '' ? row.note : `${about}: ${row.note}`);
    }
  }
  return lines.join('\n');
}

function aligned(cells: readonly (readonly string[])[]): string[] {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells.map((row) =>
    row
      .map((cell, column) =>
        column >= 2 && column <= 5 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
}
