import { UsageError } from '../errors.ts';

/** A count of batches, a share (`"25%"`), or null for all. */
export type Limit = number | string | null;

/**
 * Batches of a loader that are used.
 * @param total batches of the loader, null when it has no known end
 * @param key the option's name, for the error
 * @returns null for "until the loader ends"
 * @throws UsageError ERR_LIMIT for a share of an unknown total or one that comes to no batch
 */
export function limitBatches(total: number | null, limit: Limit, key: string): number | null {
  if (limit === null) return total;
  if (typeof limit === 'number') return total === null ? limit : Math.min(limit, total);
  const share = Number.parseFloat(limit) / 100;
  if (share === 0) return 0;
  if (total === null) {
    throw new UsageError(
      'ERR_LIMIT',
      `${key}: "${limit}" needs a loader that knows its length; this one does not. Give a number of batches.`,
    );
  }
  // The tolerance keeps 30% of 10 at 3 although 0.3 * 10 is a little less in floating point.
  const batches = Math.floor(total * share + 1e-9);
  if (batches > 0) return batches;
  throw new UsageError(
    'ERR_LIMIT',
    `${key}: "${limit}" of ${String(total)} batches is less than one batch. Give a larger share or a number of batches.`,
  );
}
