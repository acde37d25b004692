import { randomBytes } from 'node:crypto';
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { livenessOf, ownHolder, parseHolder, type Holder } from './holder.ts';

/** Without a sign of life for so long, a holder that cannot be asked is taken for dead. */
const silentMs = 60_000;
/** Between creating a lock and writing its holder. */
const emptyMs = 2_000;

/** The right to write one entry. */
export class FillLock {
  readonly #path: string;
  readonly #content: string;

  private constructor(path: string, content: string) {
    this.#path = path;
    this.#content = content;
  }

  /** Takes the lock, breaking that of a dead holder; or tells who has it. */
  static take(path: string): FillLock | Holder {
    const content = JSON.stringify({ ...ownHolder(), nonce: randomBytes(6).toString('hex') });
    for (;;) {
      if (create(path, content)) return new FillLock(path, content);
      const holder = liveHolder(path);
      if (holder !== undefined) return holder;
    }
  }

  /** Shows life; false when somebody else has taken over. */
  touch(): boolean {
    if (read(this.#path) !== this.#content) return false;
    const now = Date.now() / 1000;
    utimesSync(this.#path, now, now);
    return true;
  }

  release(): void {
    if (read(this.#path) === this.#content) rmSync(this.#path, { force: true });
  }
}

/** Whether somebody alive holds the lock. */
export function isLocked(path: string): boolean {
  return read(path) !== undefined && !isStale(path);
}

function create(path: string, content: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(file, content);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

/** The holder of a lock; undefined when the lock is gone, or was left behind and is broken now. */
function liveHolder(path: string): Holder | undefined {
  const content = read(path);
  if (content === undefined) return undefined;
  if (!isStale(path)) return parseHolder(content) ?? { ...ownHolder(), pid: 0 };
  // By another name first: of several that break it, one gets the file, and sees what it took.
  const taken = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(path, taken);
    if (read(taken) !== content) linkSync(taken, path);
  } catch {
    // Another was faster.
  }
  rmSync(taken, { force: true });
  return undefined;
}

function isStale(path: string): boolean {
  const content = read(path);
  if (content === undefined) return true;
  let age: number;
  try {
    age = Date.now() - statSync(path).mtimeMs;
  } catch {
    return true;
  }
  const holder = parseHolder(content);
  if (holder === undefined) return age > emptyMs;
  const liveness = livenessOf(holder);
  return liveness === 'gone' || (liveness === 'unknown' && age > silentMs);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
