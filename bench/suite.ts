import type { Report } from './report.ts';

export interface SuiteOptions {
  /** Cases to run; empty for all. */
  readonly cases: readonly string[];
  /** Subjects to run, by the start of their names; empty for all. */
  readonly subjects: readonly string[];
  /** Interleaved rounds; undefined for the suite's own number. */
  readonly rounds: number | undefined;
  /** Interpreter for the Python peers (`LIGHTBOX_BENCH_PYTHON`). */
  readonly python: string | undefined;
}

/** A group of benchmarks: fills the report, interleaving its subjects. */
export type Suite = (report: Report, options: SuiteOptions) => Promise<void>;
