import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import * as z from 'zod';
import { LightboxError } from '../errors.ts';
import { writeFileAtomic } from '../core/atomicFile.ts';
import type { JsonObject } from '../core/json.ts';
import type { Logger, MetricsRow, RunInfo, RunStatus } from '../core/logger.ts';
import { AppendFile, logWriteError } from './appendFile.ts';
import { headerLine, parseHeader, rowLine, stepOfLine } from './csvText.ts';
import { moveAside } from './moveAside.ts';

/**
 * `metrics.csv`, one column a metric, for spreadsheets and pandas; the record itself is
 * `metrics.jsonl`. Rows are appended. A metric that appears for the first time needs a wider
 * table: rows wait in memory from then on, and the file is rewritten once for all new metrics
 * when it is flushed, when `flushEverySeconds` are over, or when 1000 rows wait. Hyper-parameters
 * go to `hparams.yaml`. Resuming and sanity checks as in `JSONLLogger`.
 */
export class CSVLogger implements Logger {
  static readonly schema = z.strictObject({
    flushEverySeconds: z
      .number()
      .positive()
      .default(5)
      .describe('Longest time that a row waits in memory, in seconds.'),
  });

  readonly name = 'csv';
  readonly #delay: number;
  #path = '';
  #dir = '';
  #file: AppendFile | null = null;
  #metrics: string[] = [];
  readonly #known = new Set<string>();
  /** Rows that wait for a wider table; null while the table is wide enough. */
  #waiting: MetricsRow[] | null = null;
  #widening: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #rows = 0;
  #resumeRows: number | null = null;
  #hyperparameters: Promise<void> = Promise.resolve();

  constructor(options: z.input<typeof CSVLogger.schema> = {}) {
    this.#delay = 1000 * CSVLogger.schema.parse(options).flushEverySeconds;
  }

  /** @throws UsageError ERR_LOGGER_WRITE */
  async start(run: RunInfo): Promise<void> {
    this.#dir = run.dir;
    this.#path = join(run.dir, 'metrics.csv');
    try {
      await fs.mkdir(run.dir, { recursive: true });
      const rows = this.#resumeRows === null ? null : linesOf(this.#resumeRows);
      await moveAside(this.#path, { step: run.startStep, rows }, stepOfLine);
      this.#adopt(await fs.readFile(this.#path, 'utf8').catch(() => ''));
    } catch (error) {
      throw logWriteError(this.#path, error);
    }
    this.#file = await this.#openFile();
  }

  logMetrics(row: MetricsRow): void {
    if (row.stage === 'sanity') return;
    const file = this.#open();
    for (const name of Object.keys(row.values)) {
      if (this.#known.has(name)) continue;
      this.#known.add(name);
      this.#metrics = [...this.#metrics, name];
      this.#waiting ??= [];
    }
    this.#rows += 1;
    if (this.#waiting === null) {
      const metrics = this.#metrics;
      file.append(() => rowLine(row, metrics));
      return;
    }
    this.#waiting.push(row);
    if (this.#waiting.length >= mostWaiting) this.#widenSoon(0);
    else this.#widenSoon(this.#delay);
  }

  logHyperparameters(values: JsonObject): void {
    this.#open();
    const path = join(this.#dir, 'hparams.yaml');
    const text = stringify(values);
    this.#hyperparameters = this.#hyperparameters.then(() => writeFileAtomic(path, text));
    // Thrown by the next flush; without a handler of its own it would end the process.
    this.#hyperparameters.catch(() => undefined);
  }

  async flush(): Promise<void> {
    try {
      while (this.#file !== null && this.#waiting !== null) await this.#widen();
      await this.#file?.flush();
      await this.#hyperparameters;
    } catch (error) {
      throw logWriteError(this.#path, error);
    }
  }

  async finish(_status: RunStatus): Promise<void> {
    try {
      await this.flush();
    } finally {
      clearTimeout(this.#timer);
      const file = this.#file;
      this.#file = null;
      await file?.close();
    }
  }

  /** How far the table is, so that a resumed run cuts it at the very row. Flush before saving it. */
  stateDict(): JsonObject {
    return { rows: this.#rows };
  }

  /** Call it before `start`. */
  loadStateDict(state: JsonObject): void {
    this.#resumeRows = typeof state.rows === 'number' ? state.rows : null;
  }

  // Goes on with the columns and rows of an earlier session.
  #adopt(content: string): void {
    const end = content.indexOf('\n');
    const metrics = end === -1 ? null : parseHeader(content.slice(0, end));
    if (metrics === null) {
      this.#waiting = [];
      return;
    }
    this.#metrics = metrics;
    for (const name of metrics) this.#known.add(name);
    this.#rows = content.split('\n').length - 2;
  }

  #widenSoon(delay: number): void {
    if (delay === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#timer ??= setTimeout(() => {
      // A failure is met again, and thrown, by the next flush.
      this.#widen().catch(() => undefined);
    }, delay).unref();
  }

  async #widen(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#widening ??= this.#rewrite().finally(() => {
      this.#widening = null;
    });
    await this.#widening;
  }

  async #rewrite(): Promise<void> {
    const old = this.#file;
    if (old === null || this.#waiting === null) return;
    await old.flush();
    const content = await fs.readFile(this.#path, 'utf8');
    const metrics = [...this.#metrics];
    const rows = this.#waiting.length;
    const lines = this.#waiting.map((row) => rowLine(row, metrics));
    const text = headerLine(metrics) + widened(content, metrics.length) + lines.join('');
    await writeFileAtomic(this.#path, text);
    this.#file = await this.#openFile();
    await old.close();
    this.#release(this.#waiting.slice(rows), metrics.length);
  }

  // Rows that came during the rewriting: appended, or waiting again when they are wider still.
  #release(later: MetricsRow[], width: number): void {
    if (this.#metrics.length > width) {
      this.#waiting = later;
      this.#widenSoon(this.#delay);
      return;
    }
    this.#waiting = null;
    const metrics = this.#metrics;
    for (const row of later) this.#file?.append(() => rowLine(row, metrics));
  }

  #openFile(): Promise<AppendFile> {
    return AppendFile.open(this.#path, { delay: this.#delay, queueBytes: 1024 * 1024 });
  }

  #open(): AppendFile {
    if (this.#file !== null) return this.#file;
    throw new LightboxError(
      'ERR_LOGGER_NOT_STARTED',
      `The ${this.name} logger takes rows between start() and finish() only.`,
    );
  }
}

const mostWaiting = 1000;

// The first line counts as one, but a table without rows has none.
function linesOf(rows: number): number {
  return rows === 0 ? 0 : rows + 1;
}

function widened(content: string, width: number): string {
  const end = content.indexOf('\n');
  if (end === -1) return '';
  const had = parseHeader(content.slice(0, end))?.length ?? width;
  const padding = ','.repeat(width - had);
  return content.slice(end + 1).replaceAll('\n', `${padding}\n`);
}
