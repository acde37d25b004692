import * as fs from 'node:fs/promises';
import { isPlainObject } from '../core/json.ts';
import type { MetricsRow } from '../core/logger.ts';

/**
 * One line of `metrics.jsonl`, without the line's end. It is always valid JSON: NaN and the
 * infinities are the strings "NaN", "Infinity" and "-Infinity".
 */
export function encodeRow({ step, epoch, stage, time, values }: MetricsRow): string {
  const row = { step, epoch, stage, time, values };
  // Rows are written in the training loop, and a replacer makes them several times slower.
  for (const name in values) {
    if (!Number.isFinite(values[name])) return JSON.stringify(row, wordsForNumbers);
  }
  return Number.isFinite(time) ? JSON.stringify(row) : JSON.stringify(row, wordsForNumbers);
}

/** The reverse of `encodeRow`; null for anything else, such as a line that was cut short. */
export function decodeRow(line: string): MetricsRow | null {
  let row: unknown;
  try {
    row = JSON.parse(line) as unknown;
  } catch {
    return null;
  }
  if (!isPlainObject(row) || !isPlainObject(row.values)) return null;
  if (typeof row.step !== 'number' || typeof row.epoch !== 'number') return null;
  const entries = Object.entries(row.values).map(([name, value]) => [name, Number(value)] as const);
  return { ...row, values: Object.fromEntries(entries) } as unknown as MetricsRow;
}

/** All rows of a `metrics.jsonl`, also of a run that is still going on. */
export async function readMetrics(path: string): Promise<MetricsRow[]> {
  const lines = (await fs.readFile(path, 'utf8')).split('\n');
  return lines.map(decodeRow).filter((row) => row !== null);
}

/** For `JSON.stringify`: keeps numbers that JSON has no way to write. */
export function wordsForNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
