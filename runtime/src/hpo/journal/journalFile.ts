import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LightboxError, messageOf, UsageError } from '../../errors.ts';
import { parsePythonJson } from '../pythonJson.ts';
import type { OperationLog } from '../storages/operationStorage.ts';
import { isDiskFull } from './diskFull.ts';
import { FileLock, type FileLockOptions } from './fileLock.ts';
import { encodeLine, type OperationLine } from './operations.ts';
import { StudyLog } from './studyLog.ts';

const LINE_FEED = 10;
/** Longer than trials that take no time, whose end goes to the disk together with their beginning. */
const FLUSH_AFTER_MS = 50;
const FULL_PAUSE_MS = 500;

/** Options of a journal: those of its lock, and what is done about a full disk. */
export interface JournalOptions extends FileLockOptions {
  /** For how many milliseconds a full disk is waited for. Default 0: it is an error at once. */
  readonly patienceMs?: number;
  /** Told in words of a full disk and of its end. */
  readonly onOutage?: (text: string) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/**
 * A journal in Optuna's file format: one line of JSON for each operation. Readers take no lock
 * and stop before an unfinished line; writers repair such a line first, under the lock, because
 * Optuna could never read the file again once something stood behind it.
 */
export class JournalFile implements OperationLog {
  readonly location: string;
  readonly #lock: FileLock;
  readonly #options: JournalOptions;
  #state = new StudyLog();
  #offset = 0;
  #lines = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #due: NodeJS.Timeout | undefined;
  #flushed: Promise<void> = Promise.resolve();
  #failure: LightboxError | undefined;

  /** @throws UsageError ERR_HPO_STORAGE when the file cannot be created */
  constructor(path: string, options: JournalOptions = {}) {
    this.location = path;
    try {
      mkdirSync(dirname(path), { recursive: true });
      closeSync(openSync(path, 'a'));
    } catch (error) {
      const message = `cannot open the journal ${path}: ${messageOf(error)}`;
      throw new UsageError('ERR_HPO_STORAGE', message, { cause: error });
    }
    this.#options = options;
    this.#lock = new FileLock(path, options);
  }

  read(): Promise<StudyLog> {
    return this.#inTurn(() => {
      this.#catchUp();
      return this.#state;
    });
  }

  append(decide: (state: StudyLog) => readonly OperationLine[], soon = false): Promise<StudyLog> {
    return this.#inTurn(() =>
      this.#whenThereIsRoom(() => {
        this.#catchUp();
        const lines = decide(this.#state);
        if (lines.length > 0) {
          this.#write(`${lines.map(encodeLine).join('\n')}\n`, soon);
          this.#catchUp();
        }
        return this.#state;
      }),
    );
  }

  /** Nothing of a change that met a full disk is left, so it can be decided and made again. */
  async #whenThereIsRoom<T>(body: () => T): Promise<T> {
    const { patienceMs = 0, onOutage, signal } = this.#options;
    const begun = performance.now();
    for (let waited = false; ; waited = true) {
      try {
        const result = await this.#lock.hold(body);
        if (waited) onOutage?.('There is room for the journal again.');
        return result;
      } catch (error) {
        const isOver = performance.now() - begun >= patienceMs || signal?.aborted === true;
        if (!isDiskFull(error) || isOver) throw error;
        if (!waited) onOutage?.(`${messageOf(error)}; waiting for room, nothing is lost.`);
        await sleep(FULL_PAUSE_MS);
      }
    }
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#due !== undefined && existsSync(this.location)) await flush(this.location);
      clearTimeout(this.#due);
      await this.#flushed;
      if (existsSync(dirname(this.location))) this.#lock.close();
    });
  }

  /** Operations of this process queue here; the file lock is for other processes. */
  #inTurn<T>(body: () => T | Promise<T>): Promise<T> {
    const result = this.#turn.then(body);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #write(text: string, soon: boolean): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    const file = openSync(this.location, 'r+');
    try {
      // Everything up to the offset was read as whole lines; the rest was never acknowledged.
      if (fstatSync(file).size > this.#offset) ftruncateSync(file, this.#offset);
      const bytes = Buffer.from(text, 'utf8');
      for (let done = 0; done < bytes.length;) {
        done += writeSync(file, bytes, done, bytes.length - done, this.#offset + done);
      }
      if (soon) this.#flushSoon();
      else this.#flushNow(file);
    } catch (error) {
      this.#undo(file);
      throw this.#writeError(error);
    } finally {
      closeSync(file);
    }
  }

  /** Brings the file to the disk beside what else goes on, unless the next lines do it before. */
  #flushSoon(): void {
    this.#due ??= setTimeout(() => {
      this.#due = undefined;
      const before = this.#flushed;
      this.#flushed = flush(this.location).then(
        () => before,
        (error: unknown) => {
          // The next one to write learns of it.
          this.#failure = this.#writeError(error);
        },
      );
    }, FLUSH_AFTER_MS).unref();
  }

  #flushNow(file: number): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    fsyncSync(file);
  }

  #writeError(error: unknown): LightboxError {
    const message = `cannot write to the journal ${this.location}: ${messageOf(error)}`;
    return new LightboxError('ERR_HPO_STORAGE', message, { cause: error });
  }

  /** A full disk may have taken half a line, which would be the last thing Optuna could read. */
  #undo(file: number): void {
    try {
      ftruncateSync(file, this.#offset);
    } catch {
      // The next writer repairs it.
    }
  }

  /** Applies the whole lines that have been added since the last time. */
  #catchUp(): void {
    const size = statSync(this.location).size;
    if (size < this.#offset) this.#startAgain();
    if (size === this.#offset) return;
    const added = readRange(this.location, this.#offset, size);
    for (let start = 0; ;) {
      const end = added.indexOf(LINE_FEED, start);
      if (end < 0) return;
      this.#state.apply(this.#parse(added.subarray(start, end).toString('utf8')));
      this.#lines++;
      this.#offset += end + 1 - start;
      start = end + 1;
    }
  }

  #startAgain(): void {
    this.#state = new StudyLog();
    this.#offset = 0;
    this.#lines = 0;
  }

  #parse(line: string): Record<string, unknown> {
    try {
      return parsePythonJson(line) as Record<string, unknown>;
    } catch (error) {
      throw new UsageError(
        'ERR_HPO_JOURNAL_CORRUPT',
        `${this.location}, line ${this.#lines + 1} is not JSON (${messageOf(error)}). ` +
          'Nothing after it can be read: restore the file from a copy, or cut it before that line',
        { cause: error },
      );
    }
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function readRange(path: string, start: number, end: number): Buffer {
  const bytes = Buffer.allocUnsafe(end - start);
  const file = openSync(path, 'r');
  try {
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(file, bytes, done, bytes.length - done, start + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(file);
  }
}
