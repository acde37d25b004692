import {
  closeSync,
  existsSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
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
  #opened:
    { readonly file: number; readonly inode: string; readonly writable: boolean } | undefined;
  #size = 0;
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
          const bytes = Buffer.from(`${lines.map(encodeLine).join('\n')}\n`, 'utf8');
          this.#write(bytes, soon);
          this.#take(bytes);
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

  flush(): Promise<void> {
    return this.#inTurn(() => this.#flush());
  }

  async #flush(): Promise<void> {
    if (this.#due !== undefined) this.#beginFlush();
    await this.#flushed;
    this.#throwFailure();
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      try {
        await this.#flush();
      } finally {
        if (this.#opened !== undefined) closeSync(this.#opened.file);
        this.#opened = undefined;
        if (existsSync(dirname(this.location))) this.#lock.close();
      }
    });
  }

  /** Operations of this process queue here; the file lock is for other processes. */
  #inTurn<T>(body: () => T | Promise<T>): Promise<T> {
    const result = this.#turn.then(body);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #write(bytes: Buffer, soon: boolean): void {
    this.#throwFailure();
    const file = this.#fileToWrite();
    try {
      // Everything up to the offset was read as whole lines; the rest was never acknowledged.
      if (this.#size > this.#offset) ftruncateSync(file, this.#offset);
      for (let done = 0; done < bytes.length;) {
        done += writeSync(file, bytes, done, bytes.length - done, this.#offset + done);
      }
      if (soon) this.#due ??= setTimeout(() => this.#beginFlush(), FLUSH_AFTER_MS).unref();
      else this.#flushNow(file);
    } catch (error) {
      this.#undo(file);
      throw this.#writeError(error);
    }
  }

  #fileToWrite(): number {
    const opened = this.#opened;
    if (opened?.writable === true) return opened.file;
    try {
      return this.#open('r+', statSync(this.location)).file;
    } catch (error) {
      throw this.#writeError(error);
    }
  }

  #flushNow(file: number): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    fsyncSync(file);
  }

  /** Brings the file to the disk beside what else goes on. */
  #beginFlush(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    const file = this.#opened?.file;
    // One that was replaced or removed in the meantime is nobody's journal any more.
    if (file === undefined) return;
    const before = this.#flushed;
    this.#flushed = toDisk(file).then(
      () => before,
      (error: unknown) => {
        // The next one to write learns of it.
        this.#failure = this.#writeError(error);
      },
    );
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
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
    const stats = statSync(this.location);
    this.#size = stats.size;
    const opened = this.#opened;
    const replaced = opened !== undefined && opened.inode !== inodeOf(stats);
    if (replaced || stats.size < this.#offset) this.#startAgain();
    if (stats.size === this.#offset) return;
    const { file } = opened === undefined || replaced ? this.#openAny(stats) : opened;
    this.#take(readRange(file, this.#offset, stats.size));
  }

  /** Journals that may only be read are read all the same. */
  #openAny(stats: Stats) {
    try {
      return this.#open('r+', stats);
    } catch {
      return this.#open('r', stats);
    }
  }

  #open(flags: 'r' | 'r+', stats: Stats) {
    const file = openSync(this.location, flags);
    if (this.#opened !== undefined) closeSync(this.#opened.file);
    const inode = inodeOf(fstatSync(file));
    // Replaced between the two looks: the next one reads all of it.
    this.#opened = { file, inode: inode === inodeOf(stats) ? inode : '', writable: flags === 'r+' };
    return this.#opened;
  }

  /** Applies whole lines; one that is not finished stays for the next time. */
  #take(added: Buffer): void {
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

const toDisk = promisify(fsync);

function inodeOf({ dev, ino }: Stats): string {
  return `${dev} ${ino}`;
}

function readRange(file: number, start: number, end: number): Buffer {
  const bytes = Buffer.allocUnsafe(end - start);
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(file, bytes, done, bytes.length - done, start + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
