import { stderr } from 'node:process';

/** How far filling an entry is. */
export interface FillProgress {
  readonly name: string;
  /** Samples on disk. */
  readonly done: number;
  readonly total: number;
  /** Samples a second since this process began; 0 while nothing is known. */
  readonly rate: number;
  /** Set while another process fills the entry. */
  readonly waitingFor?: string | undefined;
}

/** Who is told about filling and about trouble. */
export interface CacheReport {
  /** A message of one line. */
  line(text: string): void;
  /** Called after every block; without it, `line` hears of it every few seconds. */
  progress?(progress: FillProgress): void;
  /** Called for each dataset that will be read from the cache, filled now or before. */
  ready?(name: string): void;
  /** Stops filling between two blocks; what is finished stays. */
  readonly signal?: AbortSignal | undefined;
}

/** The error stream, apart from results. */
const stderrReport: CacheReport = {
  line: (text) => void stderr.write(`${text}\n`),
};

let current = stderrReport;

/** Where messages of caches go that were not told otherwise. */
export function cacheReport(): CacheReport {
  return current;
}

/** Sends the messages of caches elsewhere; returns how to undo it. */
export function reportCachesTo(report: CacheReport): () => void {
  const before = current;
  current = report;
  return () => {
    current = before;
  };
}

/** Between two lines about progress, milliseconds. */
const lineEvery = 3_000;

/** Measures the speed of one filling and passes it on. */
export class ProgressMeter {
  readonly #report: CacheReport;
  readonly #name: string;
  readonly #total: number;
  readonly #begun = performance.now();
  #first: number | undefined;
  #lastLine = performance.now();

  constructor(report: CacheReport, name: string, total: number) {
    this.#report = report;
    this.#name = name;
    this.#total = total;
  }

  update(done: number, waitingFor?: string): void {
    this.#first ??= done;
    const now = performance.now();
    const rate = ((done - this.#first) / Math.max(1, now - this.#begun)) * 1000;
    const progress = { name: this.#name, done, total: this.#total, rate, waitingFor };
    this.#report.progress?.(progress);
    const due = this.#report.progress === undefined && now - this.#lastLine >= lineEvery;
    if (!due) return;
    this.#lastLine = now;
    this.#report.line(progressText(progress));
  }
}

/** `Caching letters: 1,200 of 60,000 samples (2 %), 3,400/s, 17 s left`. */
export function progressText({ name, done, total, rate, waitingFor }: FillProgress): string {
  const count = (value: number): string => Math.round(value).toLocaleString('en-US');
  const share = Math.floor((100 * done) / Math.max(1, total));
  const text = `Caching ${name}: ${count(done)} of ${count(total)} samples (${share} %)`;
  if (waitingFor !== undefined) return `${text}, by ${waitingFor}; waiting`;
  return rate > 0 ? `${text}, ${count(rate)}/s, ${durationText((total - done) / rate)} left` : text;
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
