import { UsageError } from '../../errors.ts';
import type { Mixing } from './mixing.ts';

/**
 * When an epoch over a mixture ends: as soon as one dataset was seen completely, once all were (the
 * others repeat, reshuffled), once all were without any repeating (who is through drops out), or
 * after a fixed number of samples.
 */
export type StopRule =
  | 'first_exhausted'
  | 'all_exhausted'
  | 'all_exhausted_without_replacement'
  | { readonly samples: number };

/** Samples in one epoch. Datasets of weight 0 are never drawn and do not count. */
export function epochLength(mixing: Mixing, sizes: readonly number[], rule: StopRule): number {
  if (rule === 'all_exhausted_without_replacement') {
    return sizes.reduce((sum, size, dataset) => sum + (mixing.weights[dataset] > 0 ? size : 0), 0);
  }
  if (typeof rule === 'object') return fixedLength(rule.samples);
  const ends = sizes
    .map((size, dataset) => ({ size, dataset }))
    .filter(({ dataset }) => mixing.weights[dataset] > 0)
    .map(({ size, dataset }) => mixing.firstPosition(dataset, size));
  return rule === 'first_exhausted' ? Math.min(...ends) : Math.max(...ends);
}

function fixedLength(samples: number): number {
  if (!Number.isSafeInteger(samples) || samples < 1) {
    throw new UsageError(
      'ERR_DATA_EPOCH_SIZE',
      `An epoch must have a whole number of samples, at least 1; got ${samples}.`,
    );
  }
  return samples;
}
