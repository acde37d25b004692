import type { EngineCounters } from '../engine/index.ts';

/** What was counted between two readings; `sessions` and `sessionBytes` describe the present. */
export function countersSince(before: EngineCounters, after: EngineCounters): EngineCounters {
  const fallbacks = Object.fromEntries(
    Object.entries(after.fallbacks)
      .map(([kernel, runs]): [string, number] => [kernel, runs - (before.fallbacks[kernel] ?? 0)])
      .filter(([, runs]) => runs > 0),
  );
  return {
    ...after,
    compilations: after.compilations - before.compilations,
    hits: after.hits - before.hits,
    misses: after.misses - before.misses,
    evictions: after.evictions - before.evictions,
    runs: after.runs - before.runs,
    recorded: after.recorded - before.recorded,
    replays: after.replays - before.replays,
    tuned: after.tuned - before.tuned,
    unreplayable: after.unreplayable - before.unreplayable,
    fallbacks,
  };
}
