import type { Callback } from '../core/callback.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { didYouMean, UsageError } from '../errors.ts';
import type { TrialChannel, TrialTask } from './trialRunner.ts';

/**
 * Stands in a trial's training for the search: reports the monitored metric after each validation
 * (never a sanity check) by optimizer updates, and ends the training when the trial is pruned or
 * has done its steps.
 */
export class TrialReporter implements Callback {
  readonly id = 'lightbox.trial';
  /** Sees final values. */
  readonly monitoring = true;
  readonly #task: Pick<TrialTask, 'monitor' | 'trialSteps'>;
  readonly #channel: TrialChannel;
  #lastStep: number | null = null;
  #pruned = false;

  constructor(task: Pick<TrialTask, 'monitor' | 'trialSteps'>, channel: TrialChannel) {
    this.#task = task;
    this.#channel = channel;
  }

  get isPruned(): boolean {
    return this.#pruned;
  }

  /** True when a validation after exactly so many updates was reported. */
  hasReported(step: number): boolean {
    return this.#lastStep === step;
  }

  onTrainStart(context: TrainerContext): void {
    this.#checkRequests(context);
  }

  onTrainBatchEnd(context: TrainerContext): void {
    this.#checkRequests(context);
  }

  async onValidationEnd(context: TrainerContext): Promise<void> {
    // The validation after the training is reported by `reportEnd`, which knows its updates.
    if (context.kind !== 'fit') return;
    const latest = context.metrics.get(this.#task.monitor);
    if (latest === undefined) throw unknownMetric(this.#task.monitor, [...context.metrics.keys()]);
    // A metric of an earlier moment was not part of this validation.
    if (latest.step !== context.globalStep) return;
    await this.#report(latest.value, context.globalStep);
    if (this.#pruned) context.requestStop('pruned by the search');
  }

  /** Reports the validation that follows a training which ended between two of its own. */
  async reportEnd(metrics: Readonly<Record<string, number>>, step: number): Promise<void> {
    const { monitor } = this.#task;
    if (!Object.hasOwn(metrics, monitor)) throw unknownMetric(monitor, Object.keys(metrics));
    await this.#report(metrics[monitor], step);
  }

  async #report(value: number, step: number): Promise<void> {
    this.#lastStep = step;
    if ((await this.#channel.report(value, step)) === 'prune') this.#pruned = true;
  }

  #checkRequests(context: TrainerContext): void {
    const { trialSteps } = this.#task;
    if (this.#channel.pause.aborted) context.requestPause('the search pauses');
    if (trialSteps !== null && context.globalStep >= trialSteps) {
      context.requestStop(`trial_steps ${trialSteps} reached`);
    }
  }
}

function unknownMetric(monitor: string, known: readonly string[]): UsageError {
  const list = known.length === 0 ? 'nothing was logged' : `logged so far: ${known.join(', ')}`;
  return new UsageError(
    'ERR_HPO_MONITOR',
    `the search monitors "${monitor}", which validation did not log (${list}).${didYouMean(monitor, known)}`,
  );
}
