import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { kill, pid } from 'node:process';
import { threadId } from 'node:worker_threads';

/** Who holds a lock; the start time tells apart two processes that had the same number. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly thread: number;
  readonly started: string;
}

/** The calling thread. */
export function ownHolder(): Holder {
  return { host: hostname(), pid, thread: threadId, started: startOf(pid) };
}

/** Whether a holder still runs; `unknown` where only its silence can tell. */
export function livenessOf(holder: Holder): 'alive' | 'gone' | 'unknown' {
  if (holder.host !== hostname()) return 'unknown';
  try {
    kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return 'gone';
  }
  const started = startOf(holder.pid);
  if (started === 'zombie' || started !== holder.started) return 'gone';
  // Threads of this process cannot be asked.
  return holder.pid === pid && holder.thread !== threadId ? 'unknown' : 'alive';
}

/** Reads what was written of `ownHolder()`; undefined for anything else. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null;
    if (typeof value?.host !== 'string' || typeof value.pid !== 'number') return undefined;
    return {
      host: value.host,
      pid: value.pid,
      thread: value.thread ?? 0,
      started: value.started ?? '',
    };
  } catch {
    return undefined;
  }
}

/** Boot and start time in the system's unit; empty where the system does not say. */
function startOf(id: number): string {
  try {
    const text = readFileSync(`/proc/${id}/stat`, 'utf8');
    // From the third field on: the second, the command, may hold spaces.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return 'zombie';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${fields[19]}`;
  } catch {
    return '';
  }
}
