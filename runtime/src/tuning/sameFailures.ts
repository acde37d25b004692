import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import { reasonOf } from './trialRecord.ts';

/** So many trials in a row, from the first of a command on, are no accident. */
const ENOUGH = 3;
/** Failures by what the trial ran, not by its parameters or its machine. */
const OWN_FAULT = /^failed:(exception|exit|no-metric):/;

/**
 * Notices a search whose trials all fail the same way from its start, as with a mistake in the
 * model: going on would only use up the study's trials.
 */
export class SameFailures {
  #reason: string | undefined;
  #count = 0;
  #over = false;

  /** Why the search is hopeless; undefined while it is not. */
  get reason(): string | undefined {
    return !this.#over && this.#count >= ENOUGH ? this.#reason : undefined;
  }

  /** Counts a trial that ended. */
  add(trial: FrozenTrial): void {
    const [reason] = reasonOf(trial).split('\n');
    const isSame = this.#reason === undefined || alike(reason) === alike(this.#reason);
    if (trial.state !== 'FAIL' || !OWN_FAULT.test(reason) || !isSame) {
      this.#over = this.reason === undefined;
      return;
    }
    this.#reason ??= reason;
    this.#count++;
  }
}

/** Numbers of trials and updates differ between equal failures. */
function alike(reason: string): string {
  return reason.replaceAll(/\d+(\.\d+)?(e-?\d+)?/g, '#');
}
