import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kill } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, livenessOf, parseIdentity } from '../hpo/processIdentity.ts';

const FILE = 'process.json';

/** Notes in the trial's folder which process runs it. */
export function rememberProcess(runDir: string, pid: number | undefined): void {
  if (pid === undefined) return;
  // Renamed in one piece: killed in between, half a note would let the process live on unseen.
  const half = join(runDir, `${FILE}.tmp`);
  writeFileSync(half, JSON.stringify(identityOf(pid)));
  renameSync(half, join(runDir, FILE));
}

/**
 * Ends the process that still runs a trial whose coordinator is gone, before the trial is run
 * again: two of them would write into one folder.
 */
export async function endOrphan(runDir: string): Promise<void> {
  const identity = readIdentity(join(runDir, FILE));
  if (identity === undefined) return;
  for (let round = 0; round < 100 && livenessOf(identity) === 'alive'; round++) {
    if (round === 0) killQuietly(identity.pid);
    await sleep(50);
  }
}

function readIdentity(path: string) {
  try {
    return parseIdentity(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function killQuietly(pid: number): void {
  try {
    kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}
