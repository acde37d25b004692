/** When things happen in a fit, resolved once from the options; loops and bars read only this. */
export interface RunPlan {
  /** Batches in an epoch after limits; null for sources without an end. */
  readonly batchesPerEpoch: number | null;
  /** Where accumulation changes during the run: of the epochs with the fewest. */
  readonly updatesPerEpoch: number | null;
  /** Micro-batches in one update, at most. */
  readonly accumulate: number;
  /** Whether that changes during the run. */
  readonly scheduled: boolean;
  /** Whether an update follows this batch of the epoch (0-based). */
  endsGroup(epoch: number, batchInEpoch: number): boolean;
  /** Updates of all epochs before this one; null for sources without an end. */
  updatesBefore(epoch: number): number | null;
  /** Epochs that schedules are stretched over; null when not known. */
  readonly totalEpochs: number | null;
  /** Total updates that schedules are stretched over; null when only time limits the run. */
  readonly totalUpdates: number | null;
  readonly maxEpochs: number | null;
  readonly maxUpdates: number | null;
  readonly maxSeconds: number | null;
  /**
   * True when a validation follows after this batch of the epoch (0-based).
   * @param known what only a run knows of loaders without a known length: whether the epoch ends
   *   with this batch, and how many batches are done in all; by default `batchesPerEpoch` says so
   */
  validatesAfter(
    epoch: number,
    batchInEpoch: number,
    updates: number,
    known?: { readonly ends: boolean; readonly batches: number },
  ): boolean;
  /**
   * True when validations are at the ends of epochs: then a run that max_steps or max_time ends
   * inside an epoch validates there too.
   */
  readonly validatesAtEnd: boolean;
  /** Training batches from one validation to the next around this position; null if unknown. */
  readonly validationIntervalBatches: number | null;
  /** Seconds from one validation to the next, when they come by the clock. */
  readonly validationIntervalSeconds: number | null;
  readonly logEveryUpdates: number;
  /** The plan in words, printed once at start. */
  describe(): readonly string[];
}
