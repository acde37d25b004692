import type { FrozenTrial } from '../../runtime/src/hpo/index.ts';

/** What two searches of the same seed must agree on, whatever happened to their processes. */
export function outcome(trials: readonly FrozenTrial[]): unknown {
  return trials.map(({ number, state, values, params, intermediateValues }) => ({
    number,
    state,
    values,
    params,
    reports: [...intermediateValues],
  }));
}
