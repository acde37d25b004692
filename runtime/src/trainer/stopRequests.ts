import type { RunPlan } from '../core/runPlan.ts';
import type { EndStatus, PauseBoundary } from '../core/trainerContext.ts';
import { LightboxError } from '../errors.ts';

export interface RunEnd {
  readonly status: EndStatus;
  readonly reason: string;
}

/** Thrown into a run when a second signal arrives: nothing is saved any more. */
export class ForcedInterrupt extends LightboxError {
  constructor(signal: string) {
    super('ERR_FORCED_INTERRUPT', `${signal} came twice: stopped at once, nothing more was saved.`);
  }
}

/** Finest first: a pause takes place at its own boundary and at every coarser one. */
const boundaries: readonly PauseBoundary[] = ['batch', 'update', 'validation', 'epoch'];

/** What was asked of a run from outside its loops. */
export class StopRequests {
  stop: string | null = null;
  pause: { readonly reason: string; readonly at: PauseBoundary } | null = null;
  interrupt: string | null = null;
  forced: ForcedInterrupt | null = null;
  save = false;
  validate = false;

  /** A pause or interrupt that leaves the run, saved, at this boundary. */
  leavingAt(boundary: PauseBoundary): RunEnd | null {
    const { interrupt, pause } = this;
    if (interrupt !== null && boundary !== 'batch') {
      return { status: 'interrupted', reason: interrupt };
    }
    if (pause === null || boundaries.indexOf(boundary) < boundaries.indexOf(pause.at)) return null;
    return { status: 'paused', reason: pause.reason };
  }
}

/** What the end of a run depends on. */
export interface EndFacts {
  readonly stop: string | null;
  readonly updates: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly minEpochs: number | null;
  readonly minSteps: number | null;
  readonly plan: Pick<RunPlan, 'maxEpochs' | 'maxUpdates' | 'maxSeconds'>;
}

/** The one place that decides whether training is over, and why; null: it goes on. */
export function decideEnd(facts: EndFacts): RunEnd | null {
  const { plan, updates, epochs, seconds } = facts;
  const minimumReached = epochs >= (facts.minEpochs ?? 0) && updates >= (facts.minSteps ?? 0);
  if (facts.stop !== null && minimumReached) return { status: 'stopped', reason: facts.stop };
  if (plan.maxUpdates !== null && updates >= plan.maxUpdates) {
    return { status: 'finished', reason: `max_steps ${String(plan.maxUpdates)} reached` };
  }
  if (plan.maxSeconds !== null && seconds >= plan.maxSeconds) {
    return { status: 'finished', reason: `max_time ${String(plan.maxSeconds)} s reached` };
  }
  if (plan.maxEpochs !== null && epochs >= plan.maxEpochs) {
    return { status: 'finished', reason: `max_epochs ${String(plan.maxEpochs)} reached` };
  }
  return null;
}
