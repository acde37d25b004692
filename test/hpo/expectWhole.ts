import { deepStrictEqual } from 'node:assert/strict';
import type { FrozenTrial } from '../../runtime/src/hpo/index.ts';

/** All trials of the made-up search are finished, none is missing, none is there twice. */
export function expectWhole(trials: readonly FrozenTrial[], total: number): void {
  const numbers = trials.map((trial) => trial.number);
  deepStrictEqual(
    numbers,
    Array.from({ length: total }, (_, index) => index),
  );
  for (const trial of trials)
    deepStrictEqual(trial.values, valueOf(trial), `trial ${trial.number}`);
}

/** What the objective of `fakeSearch.mjs` makes of the trial's parameters. */
function valueOf({ params, state, intermediateValues }: FrozenTrial): readonly number[] {
  const { x, n } = params as { x: number; n: number };
  const steps = state === 'COMPLETE' ? 4 : intermediateValues.size;
  return [(x - 0.3) ** 2 + n / 100 + 1 / steps];
}
