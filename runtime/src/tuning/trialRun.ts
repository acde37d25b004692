import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type FrozenTrial, lastStep } from '../hpo/frozenTrial.ts';
import type { Trial } from '../hpo/trial.ts';
import { messageOf } from '../errors.ts';
import { isDiskFull } from '../hpo/journal/diskFull.ts';
import type { CoordinatorPlan } from './coordinator.ts';
import { failureText, retriesOf, type TrialFailure } from './failure.ts';
import { endOrphan } from './orphan.ts';
import { type ProcessResult, TrialProcess } from './trialProcess.ts';
import {
  FAILURE_ATTR,
  objectiveOf,
  PATCH_ATTR,
  patchOf,
  predecessorsOf,
  PRUNED_ATTR,
} from './trialRecord.ts';
import type { TrialTask } from './trialRunner.ts';

/** What the reports of an attempt led to, before its process ended. */
interface Verdict {
  pruned?: string;
  failure?: TrialFailure;
}

/** One trial from its start or continuation to its end, over as many processes as that takes. */
export class TrialRun {
  readonly #plan: CoordinatorPlan;
  readonly #frozen: FrozenTrial;
  readonly #live: Trial;
  #process: TrialProcess | undefined;
  #stopping: 'pause' | 'kill' | null = null;
  #lastStep: number;

  constructor(plan: CoordinatorPlan, frozen: FrozenTrial, live: Trial) {
    this.#plan = plan;
    this.#frozen = frozen;
    this.#live = live;
    this.#lastStep = lastStep(frozen) ?? -1;
  }

  /** Lets the trial save a checkpoint and end; it can be continued. */
  pause(): void {
    this.#stopping ??= 'pause';
    this.#process?.pause();
  }

  /** Ends the trial's process at once; it can be continued from its last checkpoint. */
  kill(): void {
    this.#stopping = 'kill';
    this.#process?.kill();
  }

  /** @returns the finished trial; undefined when it was stopped before and is still RUNNING */
  async run(): Promise<FrozenTrial | undefined> {
    const { folder, watch } = this.#plan;
    const { number } = this.#frozen;
    const stored = patchOf(this.#frozen);
    const patch = stored ?? this.#plan.suggest(this.#live);
    if (stored === undefined) await this.#live.setUserAttr(PATCH_ATTR, patch);
    const runDir = join(folder, `trial_${number}`);
    if (stored === undefined) rmSync(runDir, { recursive: true, force: true });
    else await endOrphan(runDir);
    watch.started(number, patch, stored !== undefined);
    const before = predecessorsOf(this.#frozen).map((other) => join(folder, `trial_${other}`));
    let continues = stored === undefined ? [] : [runDir, ...before];
    for (let retries = 0; ;) {
      if (this.#stopping !== null) return undefined;
      const reached = this.#lastStep;
      const task: TrialTask = { ...this.#plan.task, number, patch, runDir, continues };
      const ended = await this.#attempt(task);
      if (ended === 'stopped') return undefined;
      if (!('failure' in ended)) return ended;
      if (await this.#wasFullDisk(ended.failure)) {
        continues = [runDir, ...before];
        continue;
      }
      // A trial that gets on between its interruptions is not at fault.
      if (this.#lastStep > reached) retries = 0;
      const allowed = retriesOf(ended.failure.kind, this.#plan.retries);
      if (retries >= allowed) return this.#fail(ended.failure);
      retries++;
      watch.retried(number, ended.failure, retries, allowed);
      continues = [runDir, ...before];
    }
  }

  async #attempt(
    task: TrialTask,
  ): Promise<FrozenTrial | 'stopped' | { readonly failure: TrialFailure }> {
    const verdict: Verdict = {};
    const result = await this.#runProcess(task, verdict);
    if (verdict.failure !== undefined) return { failure: verdict.failure };
    if (verdict.pruned !== undefined) {
      const userAttrs = { [PRUNED_ATTR]: verdict.pruned };
      return this.#plan.study.tell(this.#live, undefined, { state: 'PRUNED', userAttrs });
    }
    if (result.type === 'failed') return { failure: result.failure };
    return isWhole(result) ? this.#complete() : 'stopped';
  }

  async #runProcess(task: TrialTask, verdict: Verdict): Promise<ProcessResult> {
    const { command, trialTimeoutMs } = this.#plan;
    try {
      mkdirSync(task.runDir, { recursive: true });
      const onReport = (value: number, step: number) => this.#judge(value, step, verdict);
      this.#process = new TrialProcess(command, task, trialTimeoutMs, onReport);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return { type: 'failed', failure: { kind: 'exit', message: messageOf(error) } };
    }
    return this.#process.result;
  }

  /** Waits for room when the trial failed for the want of it, which is no fault of its own. */
  async #wasFullDisk({ kind, message }: TrialFailure): Promise<boolean> {
    const { disk } = this.#plan;
    if ((kind !== 'exit' && kind !== 'exception') || !disk.isToBlameFor(message)) return false;
    await disk.wait(() => this.#stopping !== null);
    return true;
  }

  async #judge(value: number, step: number, verdict: Verdict): Promise<'continue' | 'prune'> {
    const { watch, task } = this.#plan;
    const isRepeated = step < this.#lastStep;
    await this.#live.report(value, step);
    watch.reported(this.#live.number, value, step);
    this.#lastStep = Math.max(this.#lastStep, step);
    if (!Number.isFinite(value)) {
      const message = `${task.monitor} was ${value} at update ${step}`;
      verdict.failure = { kind: 'nan', message };
      return 'prune';
    }
    // A continued trial repeats reports that were judged before it was interrupted.
    if (isRepeated) return 'continue';
    const decision = await this.#live.pruneDecision();
    if (!decision.prune) return 'continue';
    verdict.pruned = decision.reason;
    return 'prune';
  }

  async #complete(): Promise<FrozenTrial> {
    const { study, objective, task } = this.#plan;
    const frozen = (await study.trials())[this.#live.number];
    const value = objectiveOf(frozen, task.direction, objective);
    if (value !== undefined) return study.tell(this.#live, value);
    const message = `the metric "${task.monitor}" was never logged by a validation`;
    return this.#fail({ kind: 'no-metric', message });
  }

  #fail(failure: TrialFailure): Promise<FrozenTrial> {
    const userAttrs = { [FAILURE_ATTR]: failureText(failure) };
    return this.#plan.study.tell(this.#live, undefined, { state: 'FAIL', userAttrs });
  }
}

function isWhole(result: ProcessResult): boolean {
  return result.type === 'ended' && result.outcome.status === 'finished';
}
