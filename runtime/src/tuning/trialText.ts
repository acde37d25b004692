import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { TrialState } from '../hpo/trialState.ts';

/** `12 finished: 7 complete, 3 pruned, 2 failed; 1 running`. */
export function stateCounts(trials: readonly FrozenTrial[]): string {
  const count = (state: TrialState): number =>
    trials.filter((trial) => trial.state === state).length;
  const [complete, pruned, failed] = [count('COMPLETE'), count('PRUNED'), count('FAIL')];
  const open = (['RUNNING', 'WAITING'] as const)
    .filter((state) => count(state) > 0)
    .map((state) => `; ${count(state)} ${state.toLowerCase()}`);
  const finished = complete + pruned + failed;
  return `${finished} finished: ${complete} complete, ${pruned} pruned, ${failed} failed${open.join('')}`;
}

/** Six digits are enough to read; exact values are in the journal and in best.yaml. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** A parameter's value for people. */
export function shortValue(value: unknown): string {
  return typeof value === 'number'
    ? shortNumber(value)
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}
