import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type FrozenTrial, lastStep } from '../hpo/frozenTrial.ts';
import { ownIdentity } from '../hpo/processIdentity.ts';
import type { ConfigPatch } from '../hpo/searchSpace.ts';
import type { Study } from '../hpo/study.ts';
import type { Trial } from '../hpo/trial.ts';
import { isFinished } from '../hpo/trialState.ts';
import { failureText, type TrialFailure } from './failure.ts';
import { endOrphan } from './orphan.ts';
import { type ProcessResult, TrialProcess, type WorkerCommand } from './trialProcess.ts';
import {
  ATTEMPT_ATTR,
  FAILURE_ATTR,
  isLeftBehind,
  objectiveOf,
  PATCH_ATTR,
  patchOf,
  PRUNED_ATTR,
} from './trialRecord.ts';
import type { TrialTask } from './trialRunner.ts';

/** What a coordinator runs. */
export interface CoordinatorPlan {
  readonly study: Study;
  /** Trials that are COMPLETE, PRUNED or FAIL at the end. */
  readonly totalTrials: number;
  readonly workers: number;
  readonly objective: 'best' | 'last';
  /** Everything of a task that is the same for all trials. */
  readonly task: Omit<TrialTask, 'number' | 'patch' | 'runDir' | 'resumed'>;
  readonly command: WorkerCommand;
  /** The study's folder; each trial gets `trial_<n>` in it. */
  readonly folder: string;
  /** Null for no limit. */
  readonly trialTimeoutMs: number | null;
  /** No trial is started after so long; null for no limit. */
  readonly timeoutMs: number | null;
  /** Evaluates the search space; checked before the trial starts. */
  suggest(trial: Trial): ConfigPatch;
  /** Told of each step, in order. */
  readonly watch: CoordinatorWatch;
}

/** What can be followed of a running search. */
export interface CoordinatorWatch {
  started(number: number, patch: ConfigPatch, resumed: boolean): void;
  reported(number: number, value: number, step: number): void;
  ended(trial: FrozenTrial): Promise<void>;
}

/**
 * Runs trials in child processes until the study has its number of finished trials. Trials that
 * another coordinator left RUNNING come first, under their numbers and parameters. Only the
 * coordinator writes to the storage.
 */
export class Coordinator {
  readonly #plan: CoordinatorPlan;
  readonly #running = new Map<number, TrialProcess | null>();
  readonly #deadline: number;
  #stopping: 'pause' | 'kill' | null = null;
  #error: Error | undefined;

  constructor(plan: CoordinatorPlan) {
    this.#plan = plan;
    this.#deadline = plan.timeoutMs === null ? Infinity : performance.now() + plan.timeoutMs;
  }

  /**
   * @returns true when all trials are finished, false when it was stopped or out of time
   * @throws whatever the storage or the search space threw, after ending the children
   */
  async run(): Promise<boolean> {
    const slots = Array.from({ length: this.#plan.workers }, () => this.#workSlot());
    await Promise.all(slots);
    if (this.#error !== undefined) throw this.#error;
    return (await this.#finished()) >= this.#plan.totalTrials;
  }

  /** Lets running trials save a checkpoint and end; the same command continues them later. */
  pause(): void {
    this.#stopping ??= 'pause';
    for (const process of this.#running.values()) process?.pause();
  }

  /** Ends running trials at once; the same command continues them later. */
  kill(): void {
    this.#stopping = 'kill';
    for (const process of this.#running.values()) process?.kill();
  }

  async #workSlot(): Promise<void> {
    try {
      for (;;) {
        const trial = await this.#next();
        if (trial === undefined) return;
        try {
          await this.#runTrial(trial.frozen, trial.live);
        } finally {
          this.#running.delete(trial.frozen.number);
        }
      }
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
      this.kill();
    }
  }

  #nextTurn: Promise<unknown> = Promise.resolve();

  /** Slots choose one after the other, so that no two take one trial or exceed the total. */
  #next(): Promise<{ frozen: FrozenTrial; live: Trial } | undefined> {
    const turn = this.#nextTurn.then(() => this.#choose());
    this.#nextTurn = turn.catch(() => undefined);
    return turn;
  }

  async #choose(): Promise<{ frozen: FrozenTrial; live: Trial } | undefined> {
    if (this.#stopping !== null || performance.now() > this.#deadline) return undefined;
    const { study, totalTrials } = this.#plan;
    const trials = await study.trials();
    const finished = trials.filter((trial) => isFinished(trial.state)).length;
    if (finished + this.#running.size >= totalTrials) return undefined;
    const left = trials.find((each) => isLeftBehind(each) && !this.#running.has(each.number));
    if (left !== undefined) {
      this.#running.set(left.number, null);
      return { frozen: left, live: await study.resume(left) };
    }
    const { host, pid, started } = ownIdentity();
    const live = await study.ask({ systemAttrs: { [ATTEMPT_ATTR]: { host, pid, started } } });
    this.#running.set(live.number, null);
    return { frozen: (await study.trials())[live.number], live };
  }

  async #runTrial(frozen: FrozenTrial, live: Trial): Promise<void> {
    const { study, watch } = this.#plan;
    const stored = patchOf(frozen);
    const patch = stored ?? this.#plan.suggest(live);
    if (stored === undefined) await live.setUserAttr(PATCH_ATTR, patch);
    const runDir = join(this.#plan.folder, `trial_${frozen.number}`);
    const resumed = stored !== undefined;
    if (resumed) await endOrphan(runDir);
    else rmSync(runDir, { recursive: true, force: true });
    mkdirSync(runDir, { recursive: true });
    watch.started(frozen.number, patch, resumed);
    if (this.#isStopping()) return;
    const ending: { pruned?: string; failure?: TrialFailure } = {};
    const { number } = frozen;
    const task: TrialTask = { ...this.#plan.task, number, patch, runDir, resumed };
    const process = new TrialProcess(
      this.#plan.command,
      task,
      this.#plan.trialTimeoutMs,
      (value, step) => this.#judge(live, frozen, value, step, ending),
    );
    this.#running.set(number, process);
    if (this.#isStopping()) process.pause();
    const result = await process.result;
    const crash = result.type === 'failed' && ending.pruned === undefined;
    const failure = ending.failure ?? (crash ? result.failure : undefined);
    if (failure !== undefined) {
      const userAttrs = { [FAILURE_ATTR]: failureText(failure) };
      await watch.ended(await study.tell(live, undefined, { state: 'FAIL', userAttrs }));
    } else if (ending.pruned !== undefined) {
      const userAttrs = { [PRUNED_ATTR]: ending.pruned };
      await watch.ended(await study.tell(live, undefined, { state: 'PRUNED', userAttrs }));
    } else if (isWhole(result)) {
      await watch.ended(await this.#complete(live));
    }
    // Otherwise it was paused or stopped, stays RUNNING and will be continued.
  }

  async #judge(
    live: Trial,
    before: FrozenTrial,
    value: number,
    step: number,
    ending: { pruned?: string; failure?: TrialFailure },
  ): Promise<'continue' | 'prune'> {
    await live.report(value, step);
    this.#plan.watch.reported(live.number, value, step);
    if (!Number.isFinite(value)) {
      const message = `${this.#plan.task.monitor} was ${value} at update ${step}`;
      ending.failure = { kind: 'nan', message };
      return 'prune';
    }
    // A continued trial repeats reports that were judged before it was interrupted.
    if (step < (lastStep(before) ?? 0)) return 'continue';
    const decision = await live.pruneDecision();
    if (!decision.prune) return 'continue';
    ending.pruned = decision.reason;
    return 'prune';
  }

  async #complete(live: Trial): Promise<FrozenTrial> {
    const { study, objective, task } = this.#plan;
    const frozen = (await study.trials())[live.number];
    const value = objectiveOf(frozen, task.direction, objective);
    if (value !== undefined) return study.tell(live, value);
    const message = `the metric "${task.monitor}" was never logged by a validation`;
    const userAttrs = { [FAILURE_ATTR]: failureText({ kind: 'no-metric', message }) };
    return study.tell(live, undefined, { state: 'FAIL', userAttrs });
  }

  #isStopping(): boolean {
    return this.#stopping !== null;
  }

  async #finished(): Promise<number> {
    const trials = await this.#plan.study.trials();
    return trials.filter((trial) => isFinished(trial.state)).length;
  }
}

function isWhole(result: ProcessResult): boolean {
  return result.type === 'ended' && result.outcome.status === 'finished';
}
