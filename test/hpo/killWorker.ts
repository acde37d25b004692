import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/**
 * Kills the process of the newest trial with SIGKILL.
 * @param folder the study's
 * @returns false when there was none
 */
export function killWorker(folder: string): boolean {
  const numbers = entries(folder)
    .flatMap((name) => /^trial_(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number);
  const newest = Math.max(-1, ...numbers);
  try {
    const note = readFileSync(join(folder, `trial_${newest}`, 'process.json'), 'utf8');
    return process.kill((JSON.parse(note) as { pid: number }).pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
