import type { AccumulationStep } from '../core/callback.ts';
import type { Duration } from '../core/duration.ts';
import { formatDuration, parseDuration } from '../core/duration.ts';
import type { RunPlan } from '../core/runPlan.ts';
import { UsageError } from '../errors.ts';
import { planAccumulation, type AccumulationPlan } from './accumulationPlan.ts';
import { parseMaxTime } from './maxTime.ts';
import { describePlan } from './planText.ts';
import type { ResolvedTrainerOptions } from './trainerOptions.ts';

/** What a plan is made from, beside the options. */
export interface PlanInputs {
  /** Batches of an epoch after limits; null for a source without an end. */
  readonly batchesPerEpoch: number | null;
  readonly batchSize: number;
  /** Whether there is anything to validate on. */
  readonly validates: boolean;
  /** Of a callback that changes accumulation during the run. */
  readonly accumulation?: readonly AccumulationStep[] | undefined;
  /** Seconds since the last validation, for intervals in wall-clock time. */
  readonly secondsSinceValidation: () => number;
}

type PlanOptions = Pick<
  ResolvedTrainerOptions,
  | 'maxEpochs'
  | 'maxSteps'
  | 'maxTime'
  | 'accumulateGradBatches'
  | 'valCheckInterval'
  | 'checkValEveryNEpoch'
  | 'logEveryNSteps'
>;

/**
 * Resolves durations and limits into one plan.
 * @throws UsageError ERR_NO_LIMIT, ERR_PLAN when options contradict each other or the data
 */
export function makeRunPlan(options: PlanOptions, inputs: PlanInputs): RunPlan {
  const { maxEpochs, maxSteps, maxTime } = options;
  const { batchesPerEpoch } = inputs;
  requireLimit(options);
  if (batchesPerEpoch === null && maxSteps === null && maxTime === null) {
    throw new UsageError(
      'ERR_NO_LIMIT',
      'The training data has no end, so max_epochs would never be reached. Set max_steps, max_time or limit_train_batches.',
    );
  }
  if (batchesPerEpoch === 0) {
    throw new UsageError(
      'ERR_NO_BATCHES',
      'The training loader has no batches: check the data, and that limit_train_batches is not 0. ' +
        'To measure without training, use `validate` or `test`.',
    );
  }
  const groups = planAccumulation(accumulationSteps(options, inputs), batchesPerEpoch);
  const accumulate = groups.most;
  const updatesPerEpoch = batchesPerEpoch === null ? null : Math.ceil(batchesPerEpoch / accumulate);
  const total = totalUpdates(maxEpochs, maxSteps, groups);
  const interval = validationInterval(options);
  requireLength(interval, inputs);
  const position = (epoch: number, batch: number): Omit<Position, 'epoch' | 'batchInEpoch'> => ({
    batches: epoch * (batchesPerEpoch ?? 0) + batch + 1,
    ends: batch + 1 === batchesPerEpoch,
  });
  const plan = {
    batchesPerEpoch,
    updatesPerEpoch,
    accumulate,
    scheduled: inputs.accumulation !== undefined,
    endsGroup: groups.endsGroup,
    updatesBefore: groups.updatesBefore,
    totalUpdates: total,
    totalEpochs: totalEpochs(maxEpochs, total, groups),
    maxEpochs,
    maxUpdates: maxSteps,
    maxSeconds: maxTime === null ? null : parseMaxTime(maxTime),
    validatesAfter: (
      epoch: number,
      batch: number,
      updates: number,
      known = position(epoch, batch),
    ): boolean => {
      if (!inputs.validates || (epoch + 1) % options.checkValEveryNEpoch !== 0) return false;
      const place = { epoch, batchInEpoch: batch + 1, ...known };
      return isDue(interval, place, updates, inputs, groups);
    },
    validatesAtEnd:
      inputs.validates &&
      options.checkValEveryNEpoch === 1 &&
      interval.unit === 'fraction' &&
      interval.amount === 1,
    validationIntervalBatches: intervalBatches(interval, inputs, accumulate),
    validationIntervalSeconds:
      inputs.validates && interval.unit === 'seconds' ? interval.amount : null,
    // Short epochs and short runs are to leave a row too.
    logEveryUpdates: options.logEveryNSteps ?? Math.min(50, updatesPerEpoch ?? 50, total ?? 50),
  };
  return { ...plan, describe: () => describePlan(plan, interval, inputs.validates) };
}

interface Position {
  readonly epoch: number;
  /** Counted from 1. */
  readonly batchInEpoch: number;
  /** Over all epochs, counted from 1. */
  readonly batches: number;
  readonly ends: boolean;
}

function isDue(
  { amount, unit }: Duration,
  { epoch, batchInEpoch, batches, ends }: Position,
  updates: number,
  { batchesPerEpoch, batchSize, secondsSinceValidation }: PlanInputs,
  groups: AccumulationPlan,
): boolean {
  const completesUpdate = ends || groups.endsGroup(epoch, batchInEpoch - 1);
  switch (unit) {
    case 'updates':
      return completesUpdate && updates % amount === 0;
    case 'batches':
      return batches % amount === 0;
    case 'samples':
      return (
        Math.floor((batches * batchSize) / amount) >
        Math.floor(((batches - 1) * batchSize) / amount)
      );
    case 'seconds':
      return completesUpdate && secondsSinceValidation() >= amount;
    case 'fraction':
      if (batchesPerEpoch === null) return ends;
      return batchInEpoch % fractionBatches(amount, batchesPerEpoch) === 0;
    case 'validations':
      return false;
    case 'epochs':
      // half epochs are possible, so the boundary may lie inside one.
      if (Number.isInteger(amount)) return ends && (epoch + 1) % amount === 0;
      return crosses(epoch, batchInEpoch, batchesPerEpoch, amount);
  }
}

function crosses(
  epoch: number,
  batchInEpoch: number,
  batchesPerEpoch: number | null,
  amount: number,
): boolean {
  if (batchesPerEpoch === null) return false;
  const passed = (batch: number): number =>
    Math.floor((epoch + batch / batchesPerEpoch) / amount + 1e-9);
  return passed(batchInEpoch) > passed(batchInEpoch - 1);
}

function fractionBatches(fraction: number, batchesPerEpoch: number): number {
  return Math.max(1, Math.floor(batchesPerEpoch * fraction + 1e-9));
}

/** @throws UsageError ERR_PLAN for a share of epochs whose length nobody knows */
function requireLength(
  { amount, unit }: Duration,
  { batchesPerEpoch, validates }: PlanInputs,
): void {
  const isShare = unit === 'fraction' ? amount < 1 : unit === 'epochs' && !Number.isInteger(amount);
  if (!isShare || batchesPerEpoch !== null || !validates) return;
  throw new UsageError(
    'ERR_PLAN',
    `val_check_interval: "${formatDuration({ amount, unit })}" is a share of an epoch, but the training loader does not know how ` +
      'many batches that is. Write updates, batches or a time, or give it batchesPerEpoch.',
  );
}

function requireLimit({ maxEpochs, maxSteps, maxTime }: PlanOptions): void {
  if (maxEpochs !== null || maxSteps !== null || maxTime !== null) return;
  throw new UsageError(
    'ERR_NO_LIMIT',
    'The trainer does not know when to stop. Set at least one of max_epochs (10), max_steps (5000 updates), max_time ("30 min").',
  );
}

function validationInterval({ valCheckInterval, checkValEveryNEpoch }: PlanOptions): Duration {
  if (valCheckInterval === null) return { amount: 1, unit: 'fraction' };
  const interval = parseDuration(valCheckInterval, 'val_check_interval');
  if (interval.unit === 'validations') {
    throw new UsageError(
      'ERR_PLAN',
      `val_check_interval: "${String(valCheckInterval)}" counts the very thing that it plans. Use updates, batches, epochs, % or a time.`,
    );
  }
  if (checkValEveryNEpoch > 1 && interval.unit !== 'fraction') {
    throw new UsageError(
      'ERR_PLAN',
      `check_val_every_n_epoch: ${String(checkValEveryNEpoch)} and val_check_interval: ` +
        `"${formatDuration(interval)}" say two different things. Keep one of them; together they make sense only ` +
        'when the interval is a share of the epoch ("25%").',
    );
  }
  return interval;
}

function totalUpdates(
  maxEpochs: number | null,
  maxSteps: number | null,
  { updatesBefore }: AccumulationPlan,
): number | null {
  const byEpochs = maxEpochs === null ? null : updatesBefore(maxEpochs);
  if (byEpochs === null || maxSteps === null) return byEpochs ?? maxSteps;
  return Math.min(byEpochs, maxSteps);
}

function totalEpochs(
  maxEpochs: number | null,
  total: number | null,
  { updatesBefore }: AccumulationPlan,
): number | null {
  if (total === null || updatesBefore(1) === null) return maxEpochs;
  let [low, high] = [0, 1];
  while (Number(updatesBefore(high)) < total) high *= 2;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (Number(updatesBefore(middle)) < total) low = middle + 1;
    else high = middle;
  }
  return low;
}

function accumulationSteps(
  { accumulateGradBatches: factor }: PlanOptions,
  { accumulation }: PlanInputs,
): readonly AccumulationStep[] {
  if (accumulation === undefined) return [{ from: 0, unit: 'epochs', factor }];
  if (factor === 1) return accumulation;
  throw new UsageError(
    'ERR_ACCUMULATION',
    `accumulate_grad_batches: ${String(factor)} and a GradientAccumulationScheduler say two different things. Leave the first out.`,
  );
}

function intervalBatches(
  { amount, unit }: Duration,
  inputs: PlanInputs,
  accumulate: number,
): number | null {
  const { batchesPerEpoch, batchSize, validates } = inputs;
  if (!validates) return null;
  if (unit === 'updates') return inputs.accumulation === undefined ? amount * accumulate : null;
  if (unit === 'batches') return amount;
  if (unit === 'samples') return Math.ceil(amount / batchSize);
  if (batchesPerEpoch === null || unit === 'seconds') return null;
  return unit === 'fraction'
    ? fractionBatches(amount, batchesPerEpoch)
    : Math.round(amount * batchesPerEpoch);
}
