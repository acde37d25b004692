import { randomUUID } from 'node:crypto';
import {
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LightboxError } from '../../errors.ts';
import { livenessOf, ownIdentity, parseIdentity } from '../processIdentity.ts';

/** Far below the 30 seconds after which Optuna takes a lock without a change for left behind. */
const TOUCH_EVERY_MS = 1000;

/** Options of a {@link FileLock}. */
export interface FileLockOptions {
  /**
   * After how many milliseconds without a change a lock whose holder cannot be asked (another
   * machine, another program) is taken for left behind. Default 30,000, as in Optuna.
   */
  readonly graceMs?: number;
  /** After how many milliseconds waiting fails with ERR_HPO_JOURNAL_LOCKED. Default 120,000. */
  readonly timeoutMs?: number;
}

/**
 * Optuna's lock of a journal, `FILE.lock`, which every other reader of the format respects. Ours
 * is a symbolic link to a file that names the holder (`FILE.lock.<id>.owner`), so lock and holder
 * come into being in one step and a lock left by a killed process of this machine is broken at
 * once, where Optuna waits 30 seconds.
 */
export class FileLock {
  readonly #lock: string;
  readonly #owner: string;
  readonly #graceMs: number;
  readonly #timeoutMs: number;
  #ownerWritten = false;
  #touched = 0;

  /** @param path the journal, not the lock */
  constructor(path: string, options: FileLockOptions = {}) {
    this.#lock = `${path}.lock`;
    this.#owner = `${this.#lock}.${randomUUID()}.owner`;
    this.#graceMs = options.graceMs ?? 30_000;
    this.#timeoutMs = options.timeoutMs ?? 120_000;
  }

  /** Runs `body` while nobody else holds the lock. */
  async hold<T>(body: () => T): Promise<T> {
    await this.#acquire();
    try {
      return body();
    } finally {
      this.#release();
    }
  }

  /** Removes what this lock and dead processes have left in the folder. */
  close(): void {
    if (this.#ownerWritten) removeQuietly(this.#owner);
    this.#ownerWritten = false;
    sweepOwners(this.#lock);
  }

  async #acquire(): Promise<void> {
    const begun = performance.now();
    const watch = new StaleWatch(this.#lock, this.#graceMs);
    for (let pause = 1; !this.#tryTake(); pause = Math.min(pause * 2, 250)) {
      if (watch.breakIfStale()) {
        pause = 1;
        continue;
      }
      if (performance.now() - begun > this.#timeoutMs) throw this.#timedOut();
      await sleep(pause);
    }
  }

  #tryTake(): boolean {
    if (!this.#ownerWritten) {
      writeFileSync(this.#owner, JSON.stringify(ownIdentity()));
      this.#ownerWritten = true;
    }
    // Optuna sees the holder's progress by the time of the file behind the link.
    const now = Date.now();
    if (now - this.#touched >= TOUCH_EVERY_MS) {
      utimesSync(this.#owner, now / 1000, now / 1000);
      this.#touched = now;
    }
    try {
      symlinkSync(basename(this.#owner), this.#lock);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      if (codeOf(error) !== 'EPERM' && codeOf(error) !== 'ENOSYS') throw error;
    }
    return takeWithoutLinks(this.#lock);
  }

  #release(): void {
    removeQuietly(this.#lock);
  }

  #timedOut(): LightboxError {
    const holder = holderOf(this.#lock);
    const who =
      holder === undefined ? 'another program' : `process ${holder.pid} on ${holder.host}`;
    return new LightboxError(
      'ERR_HPO_JOURNAL_LOCKED',
      `${this.#lock} has been held by ${who} for ${Math.round(this.#timeoutMs / 1000)} s. ` +
        'If nothing else uses this journal, remove that file',
    );
  }
}

/** Decides when a lock was left behind, and removes it, never a lock taken in the meantime. */
class StaleWatch {
  readonly #lock: string;
  readonly #graceMs: number;
  #seen: number | undefined;
  #since = performance.now();

  constructor(lock: string, graceMs: number) {
    this.#lock = lock;
    this.#graceMs = graceMs;
  }

  breakIfStale(): boolean {
    const holder = holderOf(this.#lock);
    if (holder !== undefined && livenessOf(holder) === 'gone') {
      return breakLock(this.#lock, holder.target);
    }
    const modified = modifiedAt(this.#lock);
    if (modified !== this.#seen) {
      this.#seen = modified;
      this.#since = performance.now();
    }
    if (performance.now() - this.#since < this.#graceMs) return false;
    this.#since = performance.now();
    removeQuietly(this.#lock);
    return true;
  }
}

/**
 * Removes the lock of a dead holder. Of several that try, the hard link lets one through; it then
 * checks that it still is that lock, which nobody but the winner may remove.
 */
function breakLock(lock: string, target: string | undefined): boolean {
  if (target === undefined) {
    removeQuietly(lock);
    return true;
  }
  const claim = join(dirname(lock), `${target}.breaking`);
  try {
    linkSync(lock, claim);
  } catch {
    return false;
  }
  try {
    if (targetOf(claim) !== target || targetOf(lock) !== target) return false;
    unlinkSync(lock);
    removeQuietly(join(dirname(lock), target));
    return true;
  } catch {
    return false;
  } finally {
    removeQuietly(claim);
  }
}

/** For file systems without symbolic links: the lock itself names the holder. */
function takeWithoutLinks(lock: string): boolean {
  try {
    writeFileSync(lock, JSON.stringify(ownIdentity()), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function holderOf(lock: string) {
  const target = targetOf(lock);
  // Optuna's own lock points to the journal, which must not be read for a name.
  if (target !== undefined && !target.endsWith('.owner')) return undefined;
  try {
    if (target === undefined && lstatSync(lock).size > 4096) return undefined;
    const identity = parseIdentity(readFileSync(lock, 'utf8'));
    return identity === undefined ? undefined : { ...identity, target };
  } catch {
    return undefined;
  }
}

function targetOf(lock: string): string | undefined {
  try {
    return readlinkSync(lock);
  } catch {
    return undefined;
  }
}

function modifiedAt(lock: string): number | undefined {
  try {
    return statSync(lock).mtimeMs;
  } catch {
    return undefined;
  }
}

function sweepOwners(lock: string): void {
  const prefix = `${basename(lock)}.`;
  for (const name of readdirSync(dirname(lock))) {
    if (!name.startsWith(prefix) || !name.endsWith('.owner')) continue;
    const path = join(dirname(lock), name);
    const identity = readIdentity(path);
    if (identity !== undefined && livenessOf(identity) === 'gone' && targetOf(lock) !== name) {
      removeQuietly(path);
    }
  }
}

function readIdentity(path: string) {
  try {
    return parseIdentity(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
