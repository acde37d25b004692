import { z } from 'zod';
import type { AccumulationStep, Callback } from '../core/callback.ts';
import { parseDuration } from '../core/duration.ts';
import { parseOptions } from '../core/parseOptions.ts';
import { UsageError } from '../errors.ts';

const schema = z.strictObject({
  scheduling: z
    .record(z.string(), z.int().positive())
    .describe(
      'Batches in one update from each epoch on: {0: 8, 4: 1}. With units also from updates on: {"0 updates": 8, "500 updates": 1}.',
    ),
});

export type GradientAccumulationSchedulerOptions = z.input<typeof schema>;

/**
 * Changes how many batches an update averages while training goes on. The plan, the totals of
 * learning-rate schedules and the progress bars know the schedule from the start. It replaces
 * `accumulate_grad_batches`, which must stay 1. A short group at the end of an epoch is an update
 * of its own.
 */
export class GradientAccumulationScheduler implements Callback {
  static readonly schema = schema;
  readonly accumulation: readonly AccumulationStep[];

  /** @throws UsageError ERR_OPTIONS, ERR_ACCUMULATION, ERR_DURATION */
  constructor(options: GradientAccumulationSchedulerOptions) {
    const { scheduling } = parseOptions(schema, options, 'GradientAccumulationScheduler');
    const steps = Object.entries(scheduling).map(([key, factor]) => readStep(key, factor));
    steps.sort((a, b) => a.from - b.from);
    if (new Set(steps.map(({ unit }) => unit)).size > 1) throw wrong('one unit for all of them');
    if (new Set(steps.map(({ from }) => from)).size < steps.length) throw wrong('each start once');
    // As in Lightning, what comes before the first start is not accumulated.
    if (steps.at(0)?.from !== 0)
      steps.unshift({ from: 0, unit: steps.at(0)?.unit ?? 'epochs', factor: 1 });
    this.accumulation = steps;
  }
}

function readStep(key: string, factor: number): AccumulationStep {
  const zero = /^\s*0+\s*(epochs?|updates?)?\s*$/i.exec(key);
  if (zero !== null) {
    return { from: 0, unit: /update/i.test(zero[1] ?? '') ? 'updates' : 'epochs', factor };
  }
  if (/^\s*\d+\s*$/.test(key)) return { from: Number(key), unit: 'epochs', factor };
  const { amount, unit } = parseDuration(key, 'GradientAccumulationScheduler.scheduling');
  if ((unit !== 'epochs' && unit !== 'updates') || !Number.isInteger(amount)) {
    throw wrong('whole epochs or updates');
  }
  return { from: amount, unit, factor };
}

function wrong(expected: string): UsageError {
  return new UsageError(
    'ERR_ACCUMULATION',
    `GradientAccumulationScheduler.scheduling: expected ${expected}, such as {0: 8, 4: 1} (epochs) ` +
      'or {"0 updates": 8, "500 updates": 1}.',
  );
}
