import type { Counters } from '../core/counters.ts';
import type { RunPlan } from '../core/runPlan.ts';

/** How many batches the search for the next validation looks ahead. */
const horizon = 100_000;

/** What a stretch of training leads up to. */
export interface Interval {
  /** Batches of the whole run at its first batch. */
  readonly start: number;
  /** Batches of the whole run at its end; null when not known. */
  readonly end: number | null;
  readonly until: 'validation' | 'end';
}

/** The stretch from `start` to what comes next by the plan: a validation, or the end. */
export function nextInterval(plan: RunPlan, counters: Counters, start: number): Interval {
  if (plan.validationIntervalSeconds !== null) return { start, end: null, until: 'validation' };
  const perEpoch = plan.batchesPerEpoch ?? Number.POSITIVE_INFINITY;
  let batches = counters.batches.processed;
  let epoch = counters.epochs.completed;
  let batch = counters.batchesInEpoch;
  let updates = counters.updates.completed;
  // The validation after the newest batch may still lie ahead.
  const isFirst = batches === start || batch === 0;
  const known = { ends: batch === perEpoch, batches };
  if (!isFirst && plan.validatesAfter(epoch, batch - 1, updates, known)) {
    return { start, end: batches, until: 'validation' };
  }
  if (batch >= perEpoch) [epoch, batch] = [epoch + 1, 0];
  for (let looked = 0; looked < horizon; looked++) {
    if (epoch === plan.maxEpochs || updates === plan.maxUpdates) {
      const until = plan.validatesAtEnd ? 'validation' : 'end';
      return { start, end: batches, until };
    }
    const ends = batch + 1 === perEpoch;
    if (ends || plan.endsGroup(epoch, batch)) updates++;
    batches++;
    if (plan.validatesAfter(epoch, batch, updates, { ends, batches }))
      return { start, end: batches, until: 'validation' };
    batch = ends ? 0 : batch + 1;
    if (ends) epoch++;
  }
  return { start, end: null, until: plan.validatesAtEnd ? 'validation' : 'end' };
}
