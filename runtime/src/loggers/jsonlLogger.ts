import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { LightboxError } from '../errors.ts';
import { writeFileAtomic } from '../core/atomicFile.ts';
import type { JsonObject } from '../core/json.ts';
import type { Logger, MetricsRow, RunInfo, RunStatus } from '../core/logger.ts';
import { AppendFile, logWriteError } from './appendFile.ts';
import { decodeRow, encodeRow, wordsForNumbers } from './metricsLine.ts';
import { moveAside } from './moveAside.ts';

/**
 * `metrics.jsonl`, the record that every other view of a run can be made from: one JSON object a
 * line, `{"step", "epoch", "stage", "time", "values": {"train/loss": 0.5}}`, appended in the
 * background and never rewritten. Sanity checks are left out. Hyper-parameters go to
 * `hparams.json`. A resumed run goes on after the row of its checkpoint; rows after that are
 * moved to `metrics.after-step-<n>.jsonl`.
 */
export class JSONLLogger implements Logger {
  static readonly schema = z.strictObject({
    flushEverySeconds: z
      .number()
      .positive()
      .default(1)
      .describe('Longest time that a row waits in memory, in seconds.'),
    queueKilobytes: z
      .number()
      .positive()
      .default(1024)
      .describe('Most text that waits in memory; beyond it logging waits for the disk.'),
  });

  readonly name = 'jsonl';
  readonly #options: z.output<typeof JSONLLogger.schema>;
  #file: AppendFile | null = null;
  #dir = '';
  #rows = 0;
  #resumeRows: number | null = null;
  #hyperparameters: Promise<void> = Promise.resolve();

  constructor(options: z.input<typeof JSONLLogger.schema> = {}) {
    this.#options = JSONLLogger.schema.parse(options);
  }

  /** @throws UsageError ERR_LOGGER_WRITE */
  async start(run: RunInfo): Promise<void> {
    const path = join(run.dir, 'metrics.jsonl');
    this.#dir = run.dir;
    try {
      await fs.mkdir(run.dir, { recursive: true });
      const point = { step: run.startStep, rows: this.#resumeRows };
      await moveAside(path, point, (line) => decodeRow(line)?.step ?? null);
      this.#rows = await countLines(path);
    } catch (error) {
      throw logWriteError(path, error);
    }
    this.#file = await AppendFile.open(path, {
      delay: 1000 * this.#options.flushEverySeconds,
      queueBytes: 1024 * this.#options.queueKilobytes,
    });
  }

  logMetrics(row: MetricsRow): void {
    if (row.stage === 'sanity') return;
    this.#open().append(() => `${encodeRow(row)}\n`);
    this.#rows += 1;
  }

  logHyperparameters(values: JsonObject): void {
    const path = join(this.#dir, 'hparams.json');
    const text = `${JSON.stringify(values, wordsForNumbers, 2)}\n`;
    this.#open();
    this.#hyperparameters = this.#hyperparameters.then(() => writeFileAtomic(path, text));
    // Thrown by the next flush; without a handler of its own it would end the process.
    this.#hyperparameters.catch(() => undefined);
  }

  async flush(): Promise<void> {
    await this.#file?.flush();
    try {
      await this.#hyperparameters;
    } catch (error) {
      throw logWriteError(join(this.#dir, 'hparams.json'), error);
    }
  }

  async finish(_status: RunStatus): Promise<void> {
    try {
      await this.flush();
    } finally {
      const file = this.#file;
      this.#file = null;
      await file?.close();
    }
  }

  /** How far the file is, so that a resumed run cuts it at the very row. Flush before saving it. */
  stateDict(): JsonObject {
    return { rows: this.#rows };
  }

  /** Call it before `start`. */
  loadStateDict(state: JsonObject): void {
    this.#resumeRows = typeof state.rows === 'number' ? state.rows : null;
  }

  #open(): AppendFile {
    if (this.#file !== null) return this.#file;
    throw new LightboxError(
      'ERR_LOGGER_NOT_STARTED',
      `The ${this.name} logger takes rows between start() and finish() only.`,
    );
  }
}

async function countLines(path: string): Promise<number> {
  const content = await fs.readFile(path).catch(() => Buffer.alloc(0));
  let lines = 0;
  for (let at = content.indexOf(10); at !== -1; at = content.indexOf(10, at + 1)) lines += 1;
  return lines;
}
