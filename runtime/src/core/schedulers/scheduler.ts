import type { JsonObject } from '../json.ts';
import type { Optimizer } from '../optim/optimizer.ts';

/**
 * A learning-rate schedule: a pure function of where training is and of how long it will be, so
 * that a resumed run needs no state for it.
 */
export interface Scheduler {
  readonly name: string;
  /** What positions count. */
  readonly interval: 'update' | 'epoch';
  /**
   * What a base learning rate is multiplied by.
   * @param position updates or epochs completed, 0 for the first
   * @param total updates or epochs of the whole run, at least 1
   * @param lr the base rate, for schedules with an absolute floor
   */
  factor(position: number, total: number, lr: number): number;
}

/** A scheduler that also looks at a metric, told to it after each validation. */
export interface MetricScheduler extends Scheduler {
  /** Full metric name, such as `val/loss`. */
  readonly monitor: string;
  observe(value: number): void;
  stateDict(): JsonObject;
  loadStateDict(state: JsonObject): void;
}

export function isMetricScheduler(scheduler: Scheduler): scheduler is MetricScheduler {
  return 'observe' in scheduler && 'monitor' in scheduler;
}

/** The factors for `optimizer.step`, one for each of its groups. */
export function lrFactors(
  scheduler: Scheduler | undefined,
  optimizer: Optimizer,
  position: number,
  total: number,
): readonly number[] {
  return optimizer.groups.map(({ lr }) => scheduler?.factor(position, total, lr) ?? 1);
}
