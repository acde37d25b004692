import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { MetricsRow } from '../../../runtime/src/core/logger.ts';

/** Makes new folders; all are removed when the test file is over. */
export function folders(): () => Promise<string> {
  const made: string[] = [];
  afterAll(async () => {
    await Promise.all(made.map((path) => rm(path, { recursive: true, force: true })));
  });
  return async () => {
    const path = await mkdtemp(join(tmpdir(), 'lightbox-logger-'));
    made.push(path);
    return path;
  };
}

/** A reader of `metrics.csv` that shares nothing with the writer. */
export async function readCsv(dir: string): Promise<MetricsRow[]> {
  const lines = (await readFile(join(dir, 'metrics.csv'), 'utf8')).trimEnd().split('\n');
  const [header, ...rows] = lines.map(splitCells);
  return rows.map((cells) => {
    if (cells.length !== header.length) throw new Error(`ragged row: ${cells.join('|')}`);
    const entries = header.map((name, index) => [name, cells[index]] as const);
    const [step, epoch, stage, time, ...values] = entries;
    const present = values.filter(([, text]) => text !== '');
    return {
      step: Number(step[1]),
      epoch: Number(epoch[1]),
      stage: stage[1] as MetricsRow['stage'],
      time: Number(time[1]),
      values: Object.fromEntries(present.map(([name, text]) => [name, Number(text)])),
    };
  });
}

function splitCells(line: string): string[] {
  const cells = [''];
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '"' && quoted && line[at + 1] === '"') cells[cells.length - 1] += line[++at];
    else if (line[at] === '"') quoted = !quoted;
    else if (line[at] === ',' && !quoted) cells.push('');
    else cells[cells.length - 1] += line[at];
  }
  return cells;
}
