import { formatDuration, type Duration } from '../core/duration.ts';
import type { RunPlan } from '../core/runPlan.ts';

/** The plan in words: how long, when validations happen, when values are logged. */
export function describePlan(
  plan: Omit<RunPlan, 'describe'>,
  interval: Duration,
  validates: boolean,
): string[] {
  const lines = [`Plan: ${lengthText(plan)}`];
  if (plan.accumulate > 1) {
    const most = count(plan.accumulate, 'batch');
    lines.push(`  each update averages ${plan.scheduled ? `at most ${most}, by schedule` : most}`);
  }
  lines.push(`  ${validates ? validationText(plan, interval) : 'no validation'}`);
  lines.push(`  training values logged every ${count(plan.logEveryUpdates, 'update')}`);
  return lines;
}

function lengthText(plan: Omit<RunPlan, 'describe'>): string {
  const { batchesPerEpoch, maxEpochs, maxUpdates, maxSeconds, totalUpdates } = plan;
  const limits = [
    maxEpochs === null ? '' : count(maxEpochs, 'epoch'),
    maxUpdates === null ? '' : count(maxUpdates, 'update'),
    maxSeconds === null ? '' : formatDuration({ amount: maxSeconds, unit: 'seconds' }),
  ].filter((text) => text !== '');
  const epoch =
    batchesPerEpoch === null ? 'data without end' : `epochs of ${count(batchesPerEpoch, 'batch')}`;
  const total = totalUpdates === null ? '' : `, ${count(totalUpdates, 'update')} in all`;
  return `${limits.join(' or ')}${limits.length > 1 ? ' (whichever comes first)' : ''}, ${epoch}${total}`;
}

function validationText(plan: Omit<RunPlan, 'describe'>, interval: Duration): string {
  const every =
    interval.unit === 'fraction' && interval.amount === 1
      ? 'at the end of epochs'
      : `every ${formatDuration(interval)}${interval.unit === 'fraction' ? ' of an epoch' : ''}`;
  // Where that is in updates cannot be told of epochs of unknown length.
  const unknown = plan.batchesPerEpoch === null && ['fraction', 'epochs'].includes(interval.unit);
  if (interval.unit === 'seconds' || unknown) return `validation ${every}`;
  const first = firstValidations(plan, 4);
  if (first.length === 0) return `validation ${every}: none before the end of this run`;
  const shown = first.slice(0, 3).join(', ');
  return `validation after updates ${shown}${first.length > 3 ? ', ...' : ''} (${every})`;
}

/** Updates after which the first validations come; looks a bounded way ahead. */
function firstValidations(plan: Omit<RunPlan, 'describe'>, wanted: number): number[] {
  const found: number[] = [];
  const perEpoch = plan.batchesPerEpoch ?? Number.POSITIVE_INFINITY;
  let updates = 0;
  let epoch = 0;
  let batch = 0;
  for (let looked = 0; looked < 1_000_000 && found.length < wanted; looked++) {
    if (plan.totalUpdates !== null && updates >= plan.totalUpdates) break;
    const ends = batch + 1 === perEpoch;
    if (ends || plan.endsGroup(epoch, batch)) updates++;
    if (plan.validatesAfter(epoch, batch, updates)) found.push(updates);
    batch = ends ? 0 : batch + 1;
    if (ends) epoch++;
  }
  return found;
}

function count(amount: number, what: string): string {
  const plural = what === 'batch' ? 'batches' : `${what}s`;
  return `${amount.toLocaleString('en-US')} ${amount === 1 ? what : plural}`;
}
