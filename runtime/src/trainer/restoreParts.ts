import { didYouMean, UsageError } from '../errors.ts';

/**
 * What a fit may take from its checkpoint. `weights`: all of them, refused unless they fit;
 * `matching_weights`: those whose name and shape fit; `optimizer`: moments and open gradients;
 * `callbacks`: their state; `progress`: counters, position in the data, sums of metrics, logs.
 */
export const restoreParts = [
  'weights',
  'matching_weights',
  'optimizer',
  'callbacks',
  'progress',
] as const;

export type RestorePart = (typeof restoreParts)[number];

/** What to restore, as `fit` takes it. */
export interface RestoreOptions {
  /**
   * Parts of the checkpoint to take; default: everything, and the run goes on as the same one.
   * Without `progress` a new run begins, in a folder of its own, and seed, data and batch size
   * may differ.
   */
  readonly restore?: readonly RestorePart[] | null;
  /**
   * Learning rate of each optimizer's first group from here on, instead of the module's; other
   * groups keep their ratio to it, schedules go on multiplying it. Kept in checkpoints.
   */
  readonly overrideLr?: number | null;
}

/** @throws UsageError ERR_RESUME_RESTORE, ERR_RESUME_LR */
export function checkRestore(
  { restore = null, overrideLr = null }: RestoreOptions,
  hasCheckpoint: boolean,
): void {
  if (overrideLr !== null && !(Number.isFinite(overrideLr) && overrideLr > 0)) {
    throw new UsageError(
      'ERR_RESUME_LR',
      `override_lr is ${String(overrideLr)}; expected a number above 0, such as 1e-4.`,
    );
  }
  if (restore === null) return;
  if (!hasCheckpoint) {
    throw new UsageError(
      'ERR_RESUME_RESTORE',
      `restore ${restore.join(',')}: there is no checkpoint to take it from. Give ckpt_path.`,
    );
  }
  const known: readonly string[] = restoreParts;
  const unknown = restore.find((part) => !known.includes(part));
  if (unknown !== undefined || restore.length === 0) {
    throw new UsageError(
      'ERR_RESUME_RESTORE',
      `restore takes ${restoreParts.join(', ')}, with commas between; it got "${unknown ?? ''}".` +
        didYouMean(unknown ?? '', known),
    );
  }
  if (restore.includes('weights') && restore.includes('matching_weights')) {
    throw new UsageError(
      'ERR_RESUME_RESTORE',
      'restore takes weights (all of them) or matching_weights (those that fit), not both.',
    );
  }
}

/** `weights,optimizer` of a command line. */
export function parseRestore(text: string): RestorePart[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '') as RestorePart[];
}
