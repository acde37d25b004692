import type { Counters } from '../core/counters.ts';
import type { LatestMetric } from '../core/metricStore.ts';
import type { EndStatus } from '../core/trainerContext.ts';
import type { BackendInfo, EngineCounters } from '../engine/index.ts';

/** How long things took, in seconds. */
export interface FitTimings {
  /** From the call of `fit` to the end of the first update; null when there was none. */
  readonly secondsToFirstUpdate: number | null;
  /** In the training loop, validations included. */
  readonly trainSeconds: number;
  /** From the call of `fit` to its end. */
  readonly totalSeconds: number;
  /** Training samples of this process over `trainSeconds`. */
  readonly samplesPerSecond: number;
}

/** What `fit` resolves to. */
export interface FitResult {
  readonly status: EndStatus;
  /** Why training ended, in words. */
  readonly reason: string;
  /** 0, or 130 / 143 / 129 after SIGINT / SIGTERM / SIGHUP. */
  readonly exitCode: number;
  /** Newest value of every metric by full name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly bestCheckpoint: string | null;
  /** The newest checkpoint that was written. */
  readonly lastCheckpoint: string | null;
  readonly counters: Counters;
  readonly timings: FitTimings;
  readonly runDir: string;
  readonly backend: BackendInfo;
  /** What the engine did during this call. */
  readonly engine: EngineCounters;
}

/** What `validate` and `test` resolve to. */
export interface EvaluationResult {
  readonly status: 'finished' | 'interrupted';
  readonly exitCode: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly runDir: string;
  readonly backend: BackendInfo;
}

/** Newest value of each metric, without where it comes from. */
export function latestValues({
  metrics,
}: {
  readonly metrics: ReadonlyMap<string, LatestMetric>;
}): Record<string, number> {
  return Object.fromEntries([...metrics].map(([key, { value }]) => [key, value]));
}
