import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger, MetricsRow, RunInfo } from '../core/logger.ts';

/** The logger to try. */
export interface LoggerUnderTest {
  /** A new logger, not started. */
  create(): Logger;
  /** The rows that a reader finds in a run's folder; metrics that a row lacks are left out. */
  read(dir: string): Promise<MetricsRow[]>;
  /** Name of the file with one row a line, in a run's folder. */
  readonly file: string;
  /** A new empty folder. */
  makeFolder(): Promise<string>;
}

/** One demand on every logger that keeps rows in a file; `run` throws when it is not met. */
export interface LoggerCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * What every logger of the run folder must do, for any test runner:
 * `for (const { name, run } of loggerSuite(subject)) it(name, run)`.
 */
export function loggerSuite(subject: LoggerUnderTest): LoggerCase[] {
  const cases: Record<string, (subject: LoggerUnderTest, dir: string) => Promise<void>> = {
    ...keeping,
    ...resuming,
    ...lifecycle,
  };
  return Object.entries(cases).map(([name, body]) => ({
    name,
    run: async () => body(subject, await subject.makeFolder()),
  }));
}

const keeping = {
  'keeps rows in order with every value': async (subject: LoggerUnderTest, dir: string) => {
    const rows = [
      row(1, { 'train/loss': 0.1 + 0.2, 'train/lr': 1e-12 }),
      row(2, { 'train/loss': NaN, 'train/lr': Infinity }),
      row(3, { 'train/loss': -Infinity, 'train/lr': 5e-324 }),
    ];
    await logAll(subject, dir, 0, rows);
    assert.deepEqual(await subject.read(dir), rows);
  },

  'takes metrics that appear late': async (subject: LoggerUnderTest, dir: string) => {
    const rows = [
      row(1, { 'train/loss': 1 }),
      { ...row(1, { 'val/loss': 2, 'val/acc': 0.5 }), stage: 'validate' as const },
      row(2, { 'train/loss': 3, 'train/norm': 4 }),
    ];
    const logger = await started(subject, dir, 0);
    for (const item of rows) {
      logger.logMetrics(item);
      await logger.flush();
    }
    await logger.finish('finished');
    assert.deepEqual(await subject.read(dir), rows);
  },

  'takes any text as a metric name': async (subject: LoggerUnderTest, dir: string) => {
    const values = { 'a,b': 1, 'say "x"': 2, 'Zahl π': 3, toString: 4, '': 5 };
    await logAll(subject, dir, 0, [row(1, values)]);
    assert.deepEqual(await subject.read(dir), [row(1, values)]);
  },

  'leaves out sanity checks': async (subject: LoggerUnderTest, dir: string) => {
    const sanity = { ...row(0, { 'val/loss': 9 }), stage: 'sanity' as const };
    await logAll(subject, dir, 0, [sanity, row(1, { 'train/loss': 1 })]);
    assert.deepEqual(await subject.read(dir), [row(1, { 'train/loss': 1 })]);
  },

  'shows flushed rows to other readers': async (subject: LoggerUnderTest, dir: string) => {
    const logger = await started(subject, dir, 0);
    logger.logMetrics(row(1, { a: 1 }));
    await logger.flush();
    assert.deepEqual(await subject.read(dir), [row(1, { a: 1 })]);
    await logger.finish('interrupted');
  },

  'keeps every row when nothing yields': async (subject: LoggerUnderTest, dir: string) => {
    const rows = Array.from({ length: 20_000 }, (_, step) => row(step, { 'train/loss': step / 7 }));
    await logAll(subject, dir, 0, rows);
    assert.deepEqual(await subject.read(dir), rows);
  },

  'keeps every row when metrics appear all the time': async (
    subject: LoggerUnderTest,
    dir: string,
  ) => {
    const rows = Array.from({ length: 300 }, (_, step) => row(step, { [`m${step % 50}`]: step }));
    const logger = await started(subject, dir, 0);
    for (const item of rows) {
      logger.logMetrics(item);
      if (item.step % 7 === 0) void logger.flush();
      if (item.step % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await logger.finish('finished');
    assert.deepEqual(await subject.read(dir), rows);
  },
};

const resuming = {
  'moves rows after the resumed step aside': async (subject: LoggerUnderTest, dir: string) => {
    await logAll(subject, dir, 0, steps(1, 6));
    const before = await fs.readFile(join(dir, subject.file), 'utf8');
    await logAll(subject, dir, 4, [row(5, { a: 50 }), row(6, { a: 60, b: 1 })]);
    const expected = [...steps(1, 4), row(5, { a: 50 }), row(6, { a: 60, b: 1 })];
    assert.deepEqual(await subject.read(dir), expected);
    const aside = await asideOf(dir);
    assert.equal(aside.length, 1);
    assert.ok(before.endsWith(aside[0]));
    assert.equal(aside[0].split('\n').length - 1, 2);
  },

  'never overwrites what was moved aside': async (subject: LoggerUnderTest, dir: string) => {
    await logAll(subject, dir, 0, steps(1, 3));
    await logAll(subject, dir, 2, steps(3, 5));
    await logAll(subject, dir, 2, steps(3, 4));
    assert.deepEqual(await subject.read(dir), steps(1, 4));
    const aside = await asideOf(dir);
    assert.deepEqual(aside.map((text) => text.split('\n').length - 1).toSorted(), [1, 3]);
  },

  'moves nothing when there is nothing after the step': async (
    subject: LoggerUnderTest,
    dir: string,
  ) => {
    await logAll(subject, dir, 0, steps(1, 3));
    await logAll(subject, dir, 3, steps(4, 5));
    assert.deepEqual(await subject.read(dir), steps(1, 5));
    assert.deepEqual(await asideOf(dir), []);
  },

  'moves everything aside for a new run': async (subject: LoggerUnderTest, dir: string) => {
    await logAll(subject, dir, 0, steps(0, 3));
    await logAll(subject, dir, 0, steps(0, 1));
    assert.deepEqual(await subject.read(dir), steps(0, 1));
    assert.equal((await asideOf(dir)).length, 1);
  },

  'goes on after a row that was cut short': async (subject: LoggerUnderTest, dir: string) => {
    await logAll(subject, dir, 0, steps(1, 3));
    const path = join(dir, subject.file);
    await fs.truncate(path, (await fs.stat(path)).size - 3);
    await logAll(subject, dir, 3, steps(4, 5));
    assert.deepEqual(await subject.read(dir), [...steps(1, 2), ...steps(4, 5)]);
  },

  'cuts at the very row when its state was kept': async (subject: LoggerUnderTest, dir: string) => {
    const first = await started(subject, dir, 0);
    if (first.stateDict === undefined) return first.finish('finished');
    first.logMetrics(row(1, { a: 1 }));
    first.logMetrics(row(2, { a: 2 }));
    await first.flush();
    const state = first.stateDict();
    // Of the same step, but after the checkpoint: the resumed run logs it again.
    first.logMetrics({ ...row(2, { b: 3 }), stage: 'validate' });
    await first.finish('failed');
    const second = subject.create();
    second.loadStateDict?.(state);
    await second.start(runInfo(dir, 2));
    assert.deepEqual(second.stateDict?.(), state);
    second.logMetrics({ ...row(2, { b: 4 }), stage: 'validate' });
    await second.finish('finished');
    const expected = [...steps(1, 2), { ...row(2, { b: 4 }), stage: 'validate' }];
    assert.deepEqual(await subject.read(dir), expected);
  },
};

const lifecycle = {
  'makes the folder of the run': async (subject: LoggerUnderTest, dir: string) => {
    const inner = join(dir, 'deep', 'run');
    await logAll(subject, inner, 0, steps(1, 1));
    assert.deepEqual(await subject.read(inner), steps(1, 1));
  },

  'ends a run without rows, and ends twice': async (subject: LoggerUnderTest, dir: string) => {
    const logger = await started(subject, dir, 0);
    await logger.finish('stopped');
    await logger.finish('stopped');
    await logger.flush();
    assert.deepEqual(await subject.read(dir), []);
  },

  'refuses rows before start and after finish': async (subject: LoggerUnderTest, dir: string) => {
    const logger = subject.create();
    const log = (): void => {
      logger.logMetrics(row(1, { a: 1 }));
    };
    assert.throws(log, { code: 'ERR_LOGGER_NOT_STARTED' });
    await logger.start(runInfo(dir, 0));
    await logger.finish('finished');
    assert.throws(log, { code: 'ERR_LOGGER_NOT_STARTED' });
  },

  'keeps hyper-parameters out of the rows': async (subject: LoggerUnderTest, dir: string) => {
    const logger = await started(subject, dir, 0);
    logger.logHyperparameters({ model: { lr: 0.1, layers: [1, 2] }, name: 'x' });
    logger.logMetrics(row(1, { a: 1 }));
    logger.logHyperparameters({ model: { lr: 0.2 } });
    await logger.finish('finished');
    assert.deepEqual(await subject.read(dir), steps(1, 1));
  },

  'says when the folder cannot be used': async (subject: LoggerUnderTest, dir: string) => {
    const file = join(dir, 'file');
    await fs.writeFile(file, '');
    await assert.rejects(started(subject, join(file, 'run'), 0), { code: 'ERR_LOGGER_WRITE' });
  },
};

function row(step: number, values: Record<string, number>): MetricsRow {
  return { step, epoch: Math.floor(step / 4), stage: 'train', time: step / 8, values };
}

function steps(from: number, to: number): MetricsRow[] {
  return Array.from({ length: to - from + 1 }, (_, index) =>
    row(from + index, { a: from + index }),
  );
}

function runInfo(dir: string, startStep: number): RunInfo {
  return { name: 'suite', dir, startStep };
}

async function started(subject: LoggerUnderTest, dir: string, startStep: number): Promise<Logger> {
  const logger = subject.create();
  await logger.start(runInfo(dir, startStep));
  return logger;
}

async function logAll(
  subject: LoggerUnderTest,
  dir: string,
  startStep: number,
  rows: readonly MetricsRow[],
): Promise<void> {
  const logger = await started(subject, dir, startStep);
  for (const item of rows) logger.logMetrics(item);
  await logger.finish('finished');
}

async function asideOf(dir: string): Promise<string[]> {
  const names = (await fs.readdir(dir)).filter((name) => name.includes('.after-step-'));
  return Promise.all(names.toSorted().map((name) => fs.readFile(join(dir, name), 'utf8')));
}
