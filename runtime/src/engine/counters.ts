import { trace } from './trace.ts';

/** What the engine did since the process started or `resetEngineCounters` was called. */
export interface EngineCounters {
  /** Sessions created. */
  compilations: number;
  /** Flushes that found a compiled session. */
  hits: number;
  /** Flushes that did not. */
  misses: number;
  /** Sessions dropped to stay within the budget. */
  evictions: number;
  /** Sessions held now. */
  sessions: number;
  /** Estimated resident bytes of the sessions held now. */
  sessionBytes: number;
  /** Session runs. */
  runs: number;
  /** Kernels recorded into graphs. */
  recorded: number;
  /** Training steps replayed without their JavaScript. */
  replays: number;
  /** Graphs compiled in several ways to keep the quickest. */
  tuned: number;
  /** Kinds of steps that were to be replayed and cannot be. */
  unreplayable: number;
  /** Kernels computed by the `cpu` back end's JavaScript, by kernel name. */
  fallbacks: Record<string, number>;
}

/** The live counters; `engineCounters` gives copies. */
export const counters: EngineCounters = zero();

/** A copy of the counters. All zero when the `ort` back end was never used. */
export function engineCounters(): EngineCounters {
  return { ...counters, fallbacks: { ...counters.fallbacks } };
}

/** Sets all counts to zero; `sessions` and `sessionBytes` describe the present and stay. */
export function resetEngineCounters(): void {
  const { sessions, sessionBytes } = counters;
  Object.assign(counters, zero(), { sessions, sessionBytes });
}

/** Counts one kernel that ran on the `cpu` back end's code. */
export function countFallback(kernel: string): void {
  trace({ event: 'fallback', kernel });
  counters.fallbacks[kernel] = (counters.fallbacks[kernel] ?? 0) + 1;
}

function zero(): EngineCounters {
  return {
    compilations: 0,
    hits: 0,
    misses: 0,
    evictions: 0,
    sessions: 0,
    sessionBytes: 0,
    runs: 0,
    recorded: 0,
    replays: 0,
    tuned: 0,
    unreplayable: 0,
    fallbacks: {},
  };
}
