import type * as tf from '@tensorflow/tfjs-core';
import type { HostPart } from '../../core/metrics/metric.ts';
import {
  isLoggedMetric,
  type LoggedMetric,
  type LoggedValue,
  type LogOptions,
} from '../../core/metricStore.ts';
import type { ReplayedValue } from '../../engine/replay/replayPlan.ts';
import type { Run } from '../run.ts';

/** One call of `log` in a recorded step, to be repeated with the values of a replay. */
export interface LoggedCall {
  readonly name: string;
  readonly options: Required<LogOptions>;
  /** Null for a value; for a metric which part this is, of which update. */
  readonly part: PartPlace | null;
}

interface PartPlace {
  readonly metric: LoggedMetric['metric'];
  readonly update: number;
  /** The last part of the last update: then the metric is complete. */
  readonly last: boolean;
}

/** The values that a call of `log` reads, under tags that are noted in `calls`. */
export function recordLogged(
  { name, value, options }: LoggedValue,
  calls: Map<string, LoggedCall>,
): { tag: string; value: number | tf.Tensor }[] {
  const tag = `${name} ${JSON.stringify(options)}`;
  if (!isLoggedMetric(value)) {
    calls.set(tag, { name, options, part: null });
    return [{ tag, value }];
  }
  const { metric, updates } = value;
  return updates.flatMap((parts, update) =>
    parts.map((part, index) => {
      const own = `${tag} ${String(update)}.${String(index)}`;
      const last = update === updates.length - 1 && index === parts.length - 1;
      calls.set(own, { name, options, part: { metric, update, last } });
      return { tag: own, value: part as number | tf.Tensor };
    }),
  );
}

/** Logs what a replay computed. */
export function logReplayed(
  run: Run,
  calls: ReadonlyMap<string, LoggedCall>,
  values: readonly ReplayedValue[],
): void {
  let updates: HostPart[][] = [];
  for (const { tag, value, values: data } of values) {
    const call = calls.get(tag);
    if (call === undefined) continue;
    const { name, options, part } = call;
    if (part === null) {
      run.store.log(name, value, options);
      continue;
    }
    (updates[part.update] ??= []).push({ data });
    if (!part.last) continue;
    run.store.logMetric(name, { metric: part.metric, updates }, options);
    updates = [];
  }
}
