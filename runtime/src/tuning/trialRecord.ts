import { type FrozenTrial, lastStep } from '../hpo/frozenTrial.ts';
import type { Plain } from '../hpo/plain.ts';
import type { ConfigPatch } from '../hpo/searchSpace.ts';
import { ATTEMPT_ATTR } from '../hpo/storages/rdbLeases.ts';
import { type Direction, isBetter } from '../hpo/trialState.ts';

/** User attribute: the dotted paths and values that the trial changed. */
export const PATCH_ATTR = 'config';
/** User attribute: why the trial has no value. */
export const FAILURE_ATTR = 'fail_reason';
/** User attribute: why the trial was pruned. */
export const PRUNED_ATTR = 'prune_reason';

/** The patch that the trial runs with; undefined before its search space was evaluated. */
export function patchOf(trial: FrozenTrial): ConfigPatch | undefined {
  const patch = trial.userAttrs[PATCH_ATTR];
  return typeof patch === 'object' && patch !== null && !Array.isArray(patch)
    ? (patch as ConfigPatch)
    : undefined;
}

/** Numbers of the lost trials that this one repeats, the last first; Optuna keeps them. */
export function predecessorsOf(trial: FrozenTrial): readonly number[] {
  const history = trial.systemAttrs.retry_history as Plain | undefined;
  return Array.isArray(history)
    ? history.filter((number): number is number => typeof number === 'number').reverse()
    : [];
}

/** True for a trial that a coordinator of this command started and did not finish. */
export function isLeftBehind(trial: FrozenTrial): boolean {
  return trial.state === 'RUNNING' && Object.hasOwn(trial.systemAttrs, ATTEMPT_ATTR);
}

/** The trial's value by its reports: the best or the last; undefined without a report. */
export function objectiveOf(
  trial: FrozenTrial,
  direction: Direction,
  which: 'best' | 'last',
): number | undefined {
  const reports = trial.intermediateValues;
  const last = lastStep(trial);
  if (which === 'last') return last === undefined ? undefined : reports.get(last);
  let best: number | undefined;
  for (const value of reports.values()) {
    if (best === undefined || isBetter(direction, value, best)) best = value;
  }
  return best;
}

/** Seconds from start to end; null while running. */
export function secondsOf(trial: FrozenTrial): number | null {
  if (trial.datetimeStart === null || trial.datetimeComplete === null) return null;
  return (Date.parse(trial.datetimeComplete) - Date.parse(trial.datetimeStart)) / 1000;
}

/** Why the trial was pruned or failed; empty when it was neither. */
export function reasonOf(trial: FrozenTrial): string {
  const reason = trial.userAttrs[PRUNED_ATTR] ?? trial.userAttrs[FAILURE_ATTR];
  return typeof reason === 'string' ? reason : '';
}
