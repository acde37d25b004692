import type { FrozenTrial } from './frozenTrial.ts';
import type { Plain } from './plain.ts';
import type { Study } from './study.ts';

/** A trial as one flat row; every row of a table has the same columns. */
export type TrialRow = Readonly<Record<string, Plain>>;

/**
 * All trials as flat rows for dataframes and spreadsheets, with the columns of Optuna's
 * `trials_dataframe`: `number`, `value` (with several objectives `values_0`, `values_1`, ...),
 * `datetime_start`, `datetime_complete` (ISO 8601, UTC), `duration` (seconds), `params_<name>` and
 * `user_attrs_<key>` in alphabetic order, `state`. What a trial does not have is null.
 */
export async function trialsTable(study: Study): Promise<TrialRow[]> {
  return trialRows(await study.trials(), study.directions.length);
}

/** {@link trialsTable} of trials at hand. */
export function trialRows(trials: readonly FrozenTrial[], objectives: number): TrialRow[] {
  const params = namesIn(trials.map((trial) => trial.params));
  const attrs = namesIn(trials.map((trial) => trial.userAttrs));
  const values = Array.from({ length: objectives }, (_, index) =>
    objectives === 1 ? 'value' : `values_${index}`,
  );
  return trials.map((trial) => ({
    number: trial.number,
    ...Object.fromEntries(values.map((name, index) => [name, trial.values?.[index] ?? null])),
    datetime_start: trial.datetimeStart,
    datetime_complete: trial.datetimeComplete,
    duration: durationOf(trial),
    ...columns('params_', params, trial.params),
    ...columns('user_attrs_', attrs, trial.userAttrs),
    state: trial.state,
  }));
}

/** Seconds from start to end; null while there is no end. */
export function durationOf({ datetimeStart, datetimeComplete }: FrozenTrial): number | null {
  if (datetimeStart === null || datetimeComplete === null) return null;
  // Dates have milliseconds only: the microseconds are added by hand.
  const micros = (text: string): number => Number(/\.\d{3}(\d{3})/.exec(text)?.[1] ?? 0);
  const milliseconds = Date.parse(datetimeComplete) - Date.parse(datetimeStart);
  return (1000 * milliseconds + micros(datetimeComplete) - micros(datetimeStart)) / 1e6;
}

function namesIn(records: readonly Readonly<Record<string, unknown>>[]): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))].sort();
}

function columns(prefix: string, names: readonly string[], of: Readonly<Record<string, Plain>>) {
  return Object.fromEntries(
    names.map((name) => [prefix + name, Object.hasOwn(of, name) ? of[name] : null]),
  );
}
