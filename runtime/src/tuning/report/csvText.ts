import type { Plain } from '../../hpo/plain.ts';
import type { TrialRow } from '../../hpo/trialsTable.ts';

/**
 * Rows as CSV (RFC 4180) with a header: null is an empty cell, True and False are pandas' words,
 * lists and objects are JSON.
 */
export function csvText(rows: readonly TrialRow[]): string {
  const names = Object.keys(rows.at(0) ?? {});
  const lines = [names, ...rows.map((row) => names.map((name) => cellText(row[name])))];
  return lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('');
}

function cellText(value: Plain): string {
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
