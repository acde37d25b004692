import type { TrainerContext } from '../core/trainerContext.ts';
import { didYouMean, UsageError } from '../errors.ts';

/**
 * The value that a watched metric got in the stage that just ended; null when it is an older one.
 * @throws UsageError ERR_MONITOR when the metric was never logged
 */
export function currentValue(
  context: TrainerContext,
  monitor: string,
  owner: string,
): number | null {
  const latest = context.metrics.get(monitor);
  if (latest === undefined) throw unknownMetric(context, monitor, owner);
  return latest.step === context.globalStep ? latest.value : null;
}

/** Training metrics are final at the end of an epoch, all others after a validation. */
export function isTrainingMetric(monitor: string): boolean {
  return monitor.startsWith('train/');
}

function unknownMetric({ metrics }: TrainerContext, monitor: string, owner: string): UsageError {
  const known = [...metrics.keys()].toSorted();
  const list = known.length === 0 ? 'nothing was logged' : `logged so far: ${known.join(', ')}`;
  return new UsageError(
    'ERR_MONITOR',
    `${owner}.monitor: metric "${monitor}" was not logged (${list}).${didYouMean(monitor, known)} ` +
      'Log it with this.log(name, value): the stage ("val/") is put in front.',
  );
}
