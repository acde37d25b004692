import type { FrozenTrial } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import type { Direction } from '../trialState.ts';

/** What a pruner may look at. */
export interface PrunerContext {
  /** Default ''. */
  readonly studyName?: string;
  readonly direction: Direction;
  /** All trials of the study by number, among them the one in question. */
  readonly trials: readonly FrozenTrial[];
  /** The trial in question, with all its reports. */
  readonly trial: FrozenTrial;
}

/** What is to happen to the trial, and why, in words for the log. */
export interface PruneDecision {
  readonly prune: boolean;
  readonly reason: string;
  /** To be recorded with the trial, for later decisions. */
  readonly systemAttrs?: Readonly<Record<string, Plain>>;
}

/** Decides after a report whether a trial goes on. Pure: the same context, the same decision. */
export interface Pruner {
  readonly name: string;
  decide(context: PrunerContext): PruneDecision;
}
