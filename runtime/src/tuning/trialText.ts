import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import { shortNumber } from '../hpo/shortNumber.ts';
import type { TrialState } from '../hpo/trialState.ts';

/** `12 finished: 7 complete, 3 pruned, 2 failed; 1 unfinished`: running, or to be continued. */
export function stateCounts(trials: readonly FrozenTrial[]): string {
  const count = (state: TrialState): number =>
    trials.filter((trial) => trial.state === state).length;
  const [complete, pruned, failed] = [count('COMPLETE'), count('PRUNED'), count('FAIL')];
  const open = [`${count('RUNNING')} unfinished`, `${count('WAITING')} waiting`]
    .filter((text) => !text.startsWith('0'))
    .map((text) => `; ${text}`);
  const finished = complete + pruned + failed;
  return `${finished} finished: ${complete} complete, ${pruned} pruned, ${failed} failed${open.join('')}`;
}

/** A parameter's value for people. */
export function shortValue(value: unknown): string {
  return typeof value === 'number'
    ? shortNumber(value)
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}
