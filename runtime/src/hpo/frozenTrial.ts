import type { Distribution, ParamValue } from './distribution.ts';
import type { Plain } from './plain.ts';
import type { TrialState } from './trialState.ts';

/** Everything a storage knows about one trial at one moment; never changed afterwards. */
export interface FrozenTrial {
  /** The storage's id, unique over all its studies. */
  readonly id: number;
  /** 0, 1, 2, ... within the study, without gaps. */
  readonly number: number;
  readonly state: TrialState;
  /** One per objective; null until told, and for failed trials. A pruned one has its last report. */
  readonly values: readonly number[] | null;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly distributions: Readonly<Record<string, Distribution>>;
  readonly userAttrs: Readonly<Record<string, Plain>>;
  readonly systemAttrs: Readonly<Record<string, Plain>>;
  /** Reported values by step, in the order of their coming. */
  readonly intermediateValues: ReadonlyMap<number, number>;
  /** ISO 8601, UTC, microseconds: `2026-11-22T21:23:51.651898+00:00`. */
  readonly datetimeStart: string | null;
  readonly datetimeComplete: string | null;
}

/** The largest reported step, or undefined before the first report. */
export function lastStep(trial: FrozenTrial): number | undefined {
  let last: number | undefined;
  for (const step of trial.intermediateValues.keys()) {
    if (last === undefined || step > last) last = step;
  }
  return last;
}

/** The moment in the notation of Optuna's journal. */
export function timestamp(milliseconds = performance.timeOrigin + performance.now()): string {
  const whole = Math.floor(milliseconds);
  const micros = Math.floor((milliseconds - whole) * 1000);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}+00:00`;
}
