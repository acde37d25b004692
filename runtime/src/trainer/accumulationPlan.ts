import type { AccumulationStep } from '../core/callback.ts';
import { UsageError } from '../errors.ts';

/** How many batches each update of a run averages, and which batches therefore end an update. */
export interface AccumulationPlan {
  /** The largest group of the run. */
  readonly most: number;
  /** Whether an update follows batch `batch` (0-based) of an epoch. */
  readonly endsGroup: (epoch: number, batch: number) => boolean;
  /** Updates of all epochs before this one; null for data without a known length. */
  readonly updatesBefore: (epoch: number) => number | null;
}

/**
 * Makes the plan of a schedule; groups never reach over the end of an epoch.
 * @param steps by their `from`, the first from 0, all in the same unit
 * @throws UsageError ERR_ACCUMULATION
 */
export function planAccumulation(
  steps: readonly AccumulationStep[],
  batchesPerEpoch: number | null,
): AccumulationPlan {
  const most = Math.max(...steps.map(({ factor }) => factor));
  if (steps[0].unit === 'epochs' || steps.length === 1)
    return byEpoch(steps, most, batchesPerEpoch);
  if (batchesPerEpoch !== null) return byUpdate(steps, most, batchesPerEpoch);
  throw new UsageError(
    'ERR_ACCUMULATION',
    'GradientAccumulationScheduler: a schedule in updates needs training data of known length. ' +
      'Set limit_train_batches, or give the schedule in epochs.',
  );
}

function byEpoch(
  steps: readonly AccumulationStep[],
  most: number,
  batches: number | null,
): AccumulationPlan {
  const factorOf = (epoch: number): number => (steps.length === 1 ? most : factorAt(steps, epoch));
  return {
    most,
    endsGroup: (epoch, batch) => batch + 1 === batches || (batch + 1) % factorOf(epoch) === 0,
    updatesBefore: (epoch) => {
      if (batches === null) return null;
      let updates = 0;
      for (const [index, { from, factor }] of steps.entries()) {
        const until = Math.min(epoch, steps.at(index + 1)?.from ?? epoch);
        if (until > from) updates += (until - from) * Math.ceil(batches / factor);
      }
      return updates;
    },
  };
}

/** A stretch of an epoch whose groups have one size. */
interface Piece {
  readonly start: number;
  readonly factor: number;
}

function byUpdate(
  steps: readonly AccumulationStep[],
  most: number,
  batches: number,
): AccumulationPlan {
  const before = [0];
  const last = steps[steps.length - 1];
  const updatesBefore = (epoch: number): number => {
    while (before.length <= epoch) {
      const updates = before[before.length - 1];
      // From the last step on every epoch is like the next, so nothing more needs to be kept.
      if (updates >= last.from) {
        return updates + (epoch - before.length + 1) * Math.ceil(batches / last.factor);
      }
      before.push(updates + countGroups(piecesOf(steps, updates, batches), batches));
    }
    return before[epoch];
  };
  return {
    most,
    updatesBefore,
    endsGroup: (epoch, batch) => {
      if (batch + 1 === batches) return true;
      const pieces = piecesOf(steps, updatesBefore(epoch), batches);
      const piece = pieces.findLast(({ start }) => start <= batch) ?? pieces[0];
      return (batch + 1 - piece.start) % piece.factor === 0;
    },
  };
}

function piecesOf(
  steps: readonly AccumulationStep[],
  updates: number,
  batches: number,
): readonly Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  let done = updates;
  while (start < batches) {
    const factor = factorAt(steps, done);
    pieces.push({ start, factor });
    const next = steps.find(({ from }) => from > done);
    if (next === undefined) break;
    start += (next.from - done) * factor;
    done = next.from;
  }
  return pieces;
}

function countGroups(pieces: readonly Piece[], batches: number): number {
  return pieces.reduce((sum, { start, factor }, index) => {
    const end = Math.min(batches, pieces.at(index + 1)?.start ?? batches);
    return sum + Math.ceil((end - start) / factor);
  }, 0);
}

function factorAt(steps: readonly AccumulationStep[], position: number): number {
  return (steps.findLast(({ from }) => from <= position) ?? steps[0]).factor;
}
