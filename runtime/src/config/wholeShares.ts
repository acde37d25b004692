import type { Entry, MapNode } from './node.ts';

/** Options that mean a count as a whole number and a share of the batches as a fraction. */
const limits = [
  'limit_train_batches',
  'limit_val_batches',
  'limit_test_batches',
  'limit_predict_batches',
  'overfit_batches',
];

/**
 * A limit written as `1.0` means all batches, as it does in Lightning, and not one: the number
 * alone no longer tells the two apart, so it becomes "100%".
 */
export function withWholeShares(trainer: MapNode): MapNode {
  const entries = [...trainer.entries].map(([key, entry]): [string, Entry] => {
    const { node } = entry;
    const isOne = node.kind === 'scalar' && node.value === 1;
    const isFraction = isOne && /^\+?0*1\.0*$/.test(node.source?.trim() ?? '');
    if (!isFraction || !limits.includes(key)) return [key, entry];
    const { origin } = node;
    return [key, { ...entry, node: { kind: 'scalar', origin, value: '100%' } }];
  });
  return { ...trainer, entries: new Map(entries) };
}
