import type { JsonObject } from '../core/json.ts';

/**
 * What comes next in a fit:
 * - `epochStart`: an epoch that has not begun
 * - `training`: the first batch of an epoch
 * - `batch`: a batch is done, a validation may be due
 * - `validated`: validation is behind; the next batch or the end of the epoch follows
 * - `epochEnd`: the epoch's values are logged; the next epoch follows
 */
export type FitPhase = 'epochStart' | 'training' | 'batch' | 'validated' | 'epochEnd';

/** Where a fit stands, beside its counters: enough to go on at the same point. */
export class FitProgress {
  phase: FitPhase = 'epochStart';
  /** Samples consumed over all epochs, as loaders count them. */
  position = 0;
  /** Whether the newest batch was the last of its epoch. */
  epochComplete = false;
  /** Whether the newest batch completed an update. */
  updateComplete = true;
  /** Whether weights changed in the newest batch; a module that optimizes manually decides. */
  updated = true;
  /** Whether the row of the newest update is due and not written yet. */
  rowDue = false;
  /** `run.seconds` at the last validation, for intervals in wall-clock time. */
  validatedAt = 0;

  stateDict(): JsonObject {
    const { phase, position, epochComplete, updateComplete, updated, rowDue, validatedAt } = this;
    return { phase, position, epochComplete, updateComplete, updated, rowDue, validatedAt };
  }

  loadStateDict(state: JsonObject): void {
    Object.assign(this, state);
  }
}
