import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { formatDuration, parseDuration } from '../core/duration.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { UsageError } from '../errors.ts';

const schema = z.strictObject({
  duration: z
    .string()
    .nullable()
    .default(null)
    .describe('Training ends after this long: "30 min", "12 hours". Default: only measure.'),
  interval: z
    .enum(['update', 'epoch'])
    .default('update')
    .describe('Where training may end: after an update, or only at the end of an epoch.'),
  verbose: z.boolean().default(true).describe('Print the times of the stages at the end.'),
});

export type TimerOptions = z.input<typeof schema>;
type TimedStage = 'train' | 'validate' | 'test' | 'predict';

/**
 * Measures the time of each stage and ends training when `duration` is over. Time spent before a
 * resume counts, time between pause and resume does not; validations inside training count as
 * training for the limit.
 */
export class Timer implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  readonly #limit: number | null;
  readonly #spent: Record<TimedStage, number> = { train: 0, validate: 0, test: 0, predict: 0 };
  readonly #since = new Map<TimedStage, number>();
  #now: () => number = () => 0;

  /** @throws UsageError ERR_DURATION, ERR_OPTIONS */
  constructor(options: TimerOptions = {}) {
    this.#options = parseOptions(schema, options, 'Timer');
    this.#limit = seconds(this.#options.duration);
  }

  /** Seconds of a stage so far; validations inside training are part of `train` too. */
  timeElapsed(stage: TimedStage = 'train'): number {
    const since = this.#since.get(stage);
    return this.#spent[stage] + (since === undefined ? 0 : (this.#now() - since) / 1000);
  }

  /** Seconds until training ends; null without a duration. */
  timeRemaining(): number | null {
    return this.#limit === null ? null : Math.max(0, this.#limit - this.timeElapsed());
  }

  setup({ clock }: TrainerContext): void {
    this.#now = () => clock.now();
  }

  onTrainStart(): void {
    this.#begin('train');
  }

  onTrainBatchEnd(context: TrainerContext): void {
    if (this.#options.interval === 'update') this.#check(context);
  }

  onTrainEpochEnd(context: TrainerContext): void {
    if (this.#options.interval === 'epoch') this.#check(context);
  }

  onTrainEnd({ terminal }: TrainerContext): void {
    this.#end('train');
    if (!this.#options.verbose) return;
    const parts = (['train', 'validate'] as const).map(
      (stage) => `${stage} ${this.#spent[stage].toFixed(1)} s`,
    );
    terminal.line(`Timer: ${parts.join(', ')}`);
  }

  onValidationStart(): void {
    this.#begin('validate');
  }

  onValidationEnd(): void {
    this.#end('validate');
  }

  onTestStart(): void {
    this.#begin('test');
  }

  onTestEnd(): void {
    this.#end('test');
  }

  onPredictStart(): void {
    this.#begin('predict');
  }

  onPredictEnd(): void {
    this.#end('predict');
  }

  stateDict(): JsonObject {
    const stages = Object.keys(this.#spent) as TimedStage[];
    return Object.fromEntries(stages.map((stage) => [stage, this.timeElapsed(stage)]));
  }

  loadStateDict(state: JsonObject): void {
    for (const stage of Object.keys(this.#spent) as TimedStage[]) {
      this.#spent[stage] = Number(state[stage] ?? 0);
    }
  }

  #begin(stage: TimedStage): void {
    this.#since.set(stage, this.#now());
  }

  #end(stage: TimedStage): void {
    this.#spent[stage] = this.timeElapsed(stage);
    this.#since.delete(stage);
  }

  #check(context: TrainerContext): void {
    if (this.#limit === null || this.timeElapsed() < this.#limit) return;
    const text = formatDuration({ amount: this.#limit, unit: 'seconds' });
    context.requestStop(`Timer: ${text} of training are over`);
  }
}

function seconds(duration: string | null): number | null {
  if (duration === null) return null;
  const { amount, unit } = parseDuration(duration, 'Timer.duration');
  if (unit === 'seconds') return amount;
  throw new UsageError(
    'ERR_DURATION',
    `Timer.duration: expected a time such as "30 min" or "12 hours", got "${duration}". ` +
      'For updates and epochs set max_steps or max_epochs.',
  );
}
