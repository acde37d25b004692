import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What to do around a stop by Ctrl-Z and the `fg` or `bg` after it. */
export interface Suspension {
  /** Puts the terminal in order for the shell. */
  leave(): void;
  /** @param foreground false after `bg`: then the terminal belongs to somebody else */
  enter(foreground: boolean): void;
}

/** Follows stops and continuations of this process; returns how to end that. */
export function watchSuspension(suspension: Suspension): () => void {
  const stop = (): void => {
    suspension.leave();
    // Listening takes the signal's own effect away; this one cannot be taken away.
    process.kill(process.pid, 'SIGSTOP');
  };
  const go = (): void => {
    suspension.enter(isForeground());
  };
  process.on('SIGTSTP', stop);
  process.on('SIGCONT', go);
  return () => {
    process.off('SIGTSTP', stop);
    process.off('SIGCONT', go);
  };
}

/** Stops the whole job, as Ctrl-Z does: npm and npx above this process, too. */
export function suspendJob(): void {
  process.kill(0, 'SIGTSTP');
}

/**
 * Whether this process is in the terminal's foreground. In the background, changing the mode of
 * the terminal would stop it.
 */
export function isForeground(): boolean {
  if (process.platform === 'win32') return true;
  const [group, foreground] = processGroups();
  // -1 without a controlling terminal, NaN where nothing can be found out.
  return !(foreground > 0) || group === foreground;
}

function processGroups(): number[] {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // The name in parentheses may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [Number(fields[2]), Number(fields[5])];
  } catch {
    const ps = spawnSync('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)]);
    return ps.error === undefined ? String(ps.stdout).trim().split(/\s+/).map(Number) : [];
  }
}
