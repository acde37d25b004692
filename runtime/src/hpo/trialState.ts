/** What has become of a trial; the numbers are Optuna's. */
export type TrialState = 'RUNNING' | 'COMPLETE' | 'PRUNED' | 'FAIL' | 'WAITING';

/** Whether smaller or larger values are better. */
export type Direction = 'minimize' | 'maximize';

const STATES: readonly TrialState[] = ['RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING'];

/** Optuna's number of a state. */
export function stateCode(state: TrialState): number {
  return STATES.indexOf(state);
}

/** The state of Optuna's number, or undefined for another number. */
export function stateOfCode(code: number): TrialState | undefined {
  return STATES[code];
}

/** COMPLETE, PRUNED or FAIL: nothing about the trial changes any more. */
export function isFinished(state: TrialState): boolean {
  return state !== 'RUNNING' && state !== 'WAITING';
}

/** Optuna's number of a direction (0 means that none was set). */
export function directionCode(direction: Direction): number {
  return direction === 'minimize' ? 1 : 2;
}

/** The direction of Optuna's number. */
export function directionOfCode(code: number): Direction {
  return code === 2 ? 'maximize' : 'minimize';
}

/** True when `a` is strictly better than `b`. */
export function isBetter(direction: Direction, a: number, b: number): boolean {
  return direction === 'minimize' ? a < b : a > b;
}
