import { LightboxError } from '../errors.ts';
import { systemClock } from './ports.ts';
import type { Clock } from './ports.ts';

/** What a training loop can be busy with. */
export type Phase = (typeof measuredPhases)[number];

/** `compute`: forward, backward, update. `dataWait`: no batch was ready. */
export const measuredPhases = [
  'compute',
  'dataWait',
  'validation',
  'logging',
  'checkpoint',
] as const;

/** Where the time went. Percentages of all phases, `idle` included, add up to 100. */
export interface ProfilerSummary {
  readonly seconds: number;
  readonly phases: readonly {
    readonly name: Phase | 'idle';
    readonly seconds: number;
    /** With one decimal. */
    readonly percent: number;
  }[];
  /** Longest total first. */
  readonly hooks: readonly HookTimes[];
}

/** Times of one hook, in milliseconds. */
export interface HookTimes {
  readonly name: string;
  readonly calls: number;
  readonly total: number;
  readonly longest: number;
}

/**
 * Divides the time between `start` and `stop` among phases. Phases nest: the time of an inner
 * phase is not counted again for the outer one, and what no phase covers is `idle`. Entering and
 * leaving costs one look at the clock each, so it can stay on.
 */
export class Profiler {
  readonly #clock: Clock;
  readonly #stack: Phase[] = [];
  readonly #spent: Record<Phase, number> = {
    compute: 0,
    dataWait: 0,
    validation: 0,
    logging: 0,
    checkpoint: 0,
  };
  readonly #hooks = new Map<string, { calls: number; total: number; longest: number }>();
  /** When the innermost phase began to count. */
  #since = 0;
  #startedAt: number | null = null;
  #total = 0;

  constructor({ clock = systemClock }: { clock?: Clock } = {}) {
    this.#clock = clock;
  }

  /** Begins, or goes on after `stop`. */
  start(): void {
    this.#startedAt ??= this.#clock.now();
  }

  /** Ends the time that is divided; open phases are closed. */
  stop(): void {
    if (this.#startedAt === null) return;
    const now = this.#clock.now();
    this.#charge(now);
    this.#stack.length = 0;
    this.#total += now - this.#startedAt;
    this.#startedAt = null;
  }

  enter(phase: Phase): void {
    const now = this.#clock.now();
    this.#charge(now);
    this.#stack.push(phase);
  }

  /** Ends the innermost phase. @throws LightboxError ERR_PROFILER_NESTING when it is another one */
  leave(phase: Phase): void {
    const innermost = this.#stack.at(-1);
    if (innermost !== phase) {
      throw new LightboxError(
        'ERR_PROFILER_NESTING',
        `The profiler was told to leave "${phase}" while in "${innermost ?? 'no phase'}".`,
      );
    }
    this.#charge(this.#clock.now());
    this.#stack.pop();
  }

  /** Ends the innermost phase, whichever it is, and begins `phase`; for loops that take turns. */
  switchTo(phase: Phase | 'idle'): void {
    this.#charge(this.#clock.now());
    this.#stack.pop();
    if (phase !== 'idle') this.#stack.push(phase);
  }

  /** Runs `work` in `phase`, until its promise is settled when it returns one. */
  measure<T>(phase: Phase, work: () => T): T {
    this.enter(phase);
    return finallyDo(work, () => {
      this.leave(phase);
    });
  }

  /** Runs `work` and adds its time to the table of hooks under `name`. */
  timeHook<T>(name: string, work: () => T): T {
    const begin = this.#clock.now();
    return finallyDo(work, () => {
      this.recordHook(name, this.#clock.now() - begin);
    });
  }

  /** Adds one call of `milliseconds` to the table of hooks. */
  recordHook(name: string, milliseconds: number): void {
    let times = this.#hooks.get(name);
    if (times === undefined) {
      times = { calls: 0, total: 0, longest: 0 };
      this.#hooks.set(name, times);
    }
    times.calls += 1;
    times.total += milliseconds;
    times.longest = Math.max(times.longest, milliseconds);
  }

  /** The state of things; also while it runs. */
  summary(): ProfilerSummary {
    const now = this.#clock.now();
    const total = this.#total + (this.#startedAt === null ? 0 : now - this.#startedAt);
    this.#charge(now);
    const busy = measuredPhases.map((name) => ({ name, time: this.#spent[name] }));
    const idle = total - busy.reduce((sum, { time }) => sum + time, 0);
    const all = [...busy, { name: 'idle' as const, time: Math.max(0, idle) }];
    const percents = percentages(all.map(({ time }) => time));
    return {
      seconds: total / 1000,
      phases: all.map(({ name, time }, index) => ({
        name,
        seconds: time / 1000,
        percent: percents[index],
      })),
      hooks: Array.from(this.#hooks, ([name, times]) => ({ name, ...times })).toSorted(
        (a, b) => b.total - a.total,
      ),
    };
  }

  #charge(now: number): void {
    const innermost = this.#stack.at(-1);
    if (innermost !== undefined && this.#startedAt !== null) {
      this.#spent[innermost] += now - Math.max(this.#since, this.#startedAt);
    }
    this.#since = now;
  }
}

/**
 * Shares of 100 with one decimal that add up to exactly 100.0: rounded down, and the tenths that
 * are missing go to those that lost most. All zero when nothing was measured.
 */
export function percentages(times: readonly number[]): number[] {
  const total = times.reduce((sum, time) => sum + time, 0);
  if (total <= 0) return times.map(() => 0);
  const exact = times.map((time) => (time / total) * 1000);
  const tenths = exact.map(Math.floor);
  const missing = 1000 - tenths.reduce((sum, value) => sum + value, 0);
  const byLoss = exact
    .map((value, index) => ({ index, lost: value - tenths[index] }))
    .toSorted((a, b) => b.lost - a.lost);
  for (const { index } of byLoss.slice(0, missing)) tenths[index] += 1;
  return tenths.map((value) => value / 10);
}

function finallyDo<T>(work: () => T, after: () => void): T {
  let result: T;
  try {
    result = work();
  } catch (error) {
    after();
    throw error;
  }
  if (result instanceof Promise) return result.finally(after) as T;
  after();
  return result;
}
