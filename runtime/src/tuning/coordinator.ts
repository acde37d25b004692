import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { ConfigPatch } from '../hpo/searchSpace.ts';
import type { Study } from '../hpo/study.ts';
import type { Trial } from '../hpo/trial.ts';
import { isFinished } from '../hpo/trialState.ts';
import type { DiskRoom } from './diskRoom.ts';
import type { Retries, TrialFailure } from './failure.ts';
import type { WorkerCommand } from './trialProcess.ts';
import { TrialRun } from './trialRun.ts';
import type { TrialTask } from './trialRunner.ts';
import type { NextTrial, TrialSource } from './trialSource.ts';

/** What a coordinator runs. */
export interface CoordinatorPlan {
  readonly study: Study;
  readonly source: TrialSource;
  /** Trials that are COMPLETE, PRUNED or FAIL at the end. */
  readonly totalTrials: number;
  readonly workers: number;
  readonly objective: 'best' | 'last';
  /** Everything of a task that is the same for all trials. */
  readonly task: Omit<TrialTask, 'number' | 'patch' | 'runDir' | 'continues'>;
  readonly command: WorkerCommand;
  /** The study's folder; each trial gets `trial_<n>` in it. */
  readonly folder: string;
  /** Where the study's folder lies. */
  readonly disk: DiskRoom;
  /** How often a failed trial is continued, by the kind of its failure. */
  readonly retries: Retries;
  /** Null for no limit. */
  readonly trialTimeoutMs: number | null;
  /** No trial is started after so long; null for no limit. */
  readonly timeoutMs: number | null;
  /** Between two heartbeats of the running trials. */
  readonly heartbeatMs: number;
  /** Evaluates the search space; checked before the trial starts. */
  suggest(trial: Trial): ConfigPatch;
  /** Told of each step, in order. */
  readonly watch: CoordinatorWatch;
}

/** What can be followed of a running search. */
export interface CoordinatorWatch {
  started(number: number, patch: ConfigPatch, resumed: boolean): void;
  reported(number: number, value: number, step: number): void;
  retried(number: number, failure: TrialFailure, retry: number, allowed: number): void;
  /** The trial is somebody else's now, or was stopped and will be continued. */
  left(number: number, lost: boolean): void;
  ended(trial: FrozenTrial): Promise<void>;
}

/** How long a slot without a trial waits before it looks again whether one was lost. */
const POLL_MS = 500;

/**
 * Runs trials in child processes until the study has its number of finished trials. Trials that
 * lost their coordinator come first, under their numbers and parameters. Only coordinators write
 * to the storage.
 */
export class Coordinator {
  readonly #plan: CoordinatorPlan;
  readonly #running = new Map<number, TrialRun | null>();
  readonly #lost = new Set<number>();
  readonly #deadline: number;
  #stopping: 'pause' | 'kill' | null = null;
  #wake = new AbortController();
  #error: Error | undefined;

  constructor(plan: CoordinatorPlan) {
    this.#plan = plan;
    this.#deadline = plan.timeoutMs === null ? Infinity : performance.now() + plan.timeoutMs;
  }

  /**
   * Call it again to go on after a {@link pause}.
   * @returns true when all trials are finished, false when it was stopped or out of time
   * @throws whatever the storage or the search space threw, after ending the children
   */
  async run(): Promise<boolean> {
    this.#stopping = null;
    this.#wake = new AbortController();
    const heart = setInterval(() => void this.#renew(), this.#plan.heartbeatMs);
    try {
      await Promise.all(Array.from({ length: this.#plan.workers }, () => this.#workSlot()));
    } finally {
      clearInterval(heart);
    }
    if (this.#error !== undefined) throw this.#error;
    const trials = await this.#plan.study.trials();
    return trials.filter(({ state }) => isFinished(state)).length >= this.#plan.totalTrials;
  }

  /** Lets running trials save a checkpoint and end; they can be continued. */
  pause(): void {
    this.#stopping ??= 'pause';
    this.#wake.abort();
    for (const run of this.#running.values()) run?.pause();
  }

  /** Ends running trials at once; they can be continued from their last checkpoint. */
  kill(): void {
    this.#stopping = 'kill';
    this.#wake.abort();
    for (const run of this.#running.values()) run?.kill();
  }

  async #workSlot(): Promise<void> {
    try {
      for (;;) {
        const next = await this.#next();
        if (next === 'done') return;
        if (next === 'wait') await this.#pausedFor(POLL_MS);
        else await this.#runTrial(next);
      }
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
      this.kill();
    }
  }

  #nextTurn: Promise<unknown> = Promise.resolve();

  /** Slots choose one after the other, so that no two take one trial or exceed the total. */
  #next(): Promise<NextTrial | 'wait' | 'done'> {
    const turn = this.#nextTurn.then(() => this.#choose());
    this.#nextTurn = turn.catch(() => undefined);
    return turn;
  }

  async #choose(): Promise<NextTrial | 'wait' | 'done'> {
    if (this.#stopping !== null || performance.now() > this.#deadline) return 'done';
    const next = await this.#plan.source.next(new Set(this.#running.keys()));
    if (typeof next === 'object') this.#running.set(next.frozen.number, null);
    return next;
  }

  async #runTrial({ frozen, live }: NextTrial): Promise<void> {
    const { source, watch } = this.#plan;
    const { number } = frozen;
    const run = new TrialRun(this.#plan, frozen, live);
    this.#running.set(number, run);
    if (this.#isStopping()) run.pause();
    try {
      const ended = await run.run();
      if (ended !== undefined) await watch.ended(ended);
      else if (!this.#lost.has(number)) await source.release(frozen);
      if (ended === undefined) watch.left(number, this.#lost.has(number));
    } catch (error) {
      if (!isTakenAway(error)) throw error;
      watch.left(number, true);
    } finally {
      this.#running.delete(number);
      this.#lost.delete(number);
    }
  }

  async #renew(): Promise<void> {
    try {
      for (const number of await this.#plan.source.renew(new Set(this.#running.keys()))) {
        this.#lost.add(number);
        this.#running.get(number)?.kill();
      }
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
      this.kill();
    }
  }

  #isStopping(): boolean {
    return this.#stopping !== null;
  }

  #pausedFor(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Another worker has the trial, or has already finished it. */
function isTakenAway(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_HPO_FENCED' || code === 'ERR_HPO_TRIAL_FINISHED';
}
