import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { FileLock } from '../hpo/journal/fileLock.ts';
import {
  livenessOf,
  ownIdentity,
  parseIdentity,
  type ProcessIdentity,
} from '../hpo/processIdentity.ts';

/** A holder on another machine that has not shown itself for so long is taken for dead. */
const SILENT_MS = 60_000;
const HEARTBEAT_MS = 5_000;

/**
 * The right to coordinate a study, held by one process at a time, so that a trial found RUNNING
 * by its holder is known to have lost its process. Kept beside the journal, whose format has no
 * room for it.
 */
export class StudyLease {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    this.#timer = setInterval(() => {
      touch(path);
    }, HEARTBEAT_MS);
    this.#timer.unref();
  }

  /** Takes the lease, or tells who has it. */
  static async take(journal: string, study: string): Promise<StudyLease | ProcessIdentity> {
    const path = `${journal}.${encodeURIComponent(study)}.lease`;
    const lock = new FileLock(journal);
    const holder = await lock.hold(() => {
      const other = holderOf(path);
      if (other === undefined) writeFileSync(path, JSON.stringify(ownIdentity()));
      return other;
    });
    lock.close();
    return holder ?? new StudyLease(path);
  }

  release(): void {
    clearInterval(this.#timer);
    rmSync(this.#path, { force: true });
  }
}

function holderOf(path: string): ProcessIdentity | undefined {
  try {
    const identity = parseIdentity(readFileSync(path, 'utf8'));
    if (identity === undefined) return undefined;
    const liveness = livenessOf(identity);
    if (liveness === 'alive') return identity;
    const silent = Date.now() - statSync(path).mtimeMs > SILENT_MS;
    return liveness === 'unknown' && !silent ? identity : undefined;
  } catch {
    return undefined;
  }
}

function touch(path: string): void {
  try {
    const now = Date.now() / 1000;
    utimesSync(path, now, now);
  } catch {
    // Somebody removed it; the next start will take it anew.
  }
}
