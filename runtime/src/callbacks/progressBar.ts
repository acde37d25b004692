import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { drawBar, formatClock, formatMetric, formatRate, type BarStyle } from './barText.ts';
import { RateMeter } from './rateMeter.ts';

const schema = z.strictObject({
  refreshPerSecond: z
    .number()
    .positive()
    .max(10)
    .default(10)
    .describe('Most redraws a second in a terminal.'),
  plainEverySeconds: z
    .number()
    .positive()
    .default(10)
    .describe('Without a terminal: seconds between two lines.'),
});

export type ProgressBarOptions = z.input<typeof schema>;

/**
 * Progress of training and validation: live lines in a terminal, otherwise a plain line every few
 * seconds and at the end of each epoch.
 */
export class ProgressBar implements Callback {
  static readonly schema = schema;
  readonly runsInSanity = true;
  readonly showsProgress = true;
  readonly #options: z.output<typeof schema>;
  #training = new RateMeter();
  #evaluation: { title: string; done: number; total: number | null; rate: RateMeter } | null = null;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #plainAt = Number.NEGATIVE_INFINITY;
  #loss: number | null = null;

  constructor(options: ProgressBarOptions = {}) {
    this.#options = parseOptions(schema, options, 'ProgressBar');
  }

  onSanityCheckStart({ terminal }: TrainerContext): void {
    if (terminal.isTTY) terminal.live(['Trying validation before training']);
  }

  onSanityCheckEnd({ terminal }: TrainerContext): void {
    terminal.live(null);
  }

  onTrainStart({ clock }: TrainerContext): void {
    this.#plainAt = clock.now();
  }

  onTrainEpochStart({ clock }: TrainerContext): void {
    this.#training = new RateMeter();
    this.#training.count(clock.now(), 0);
  }

  onTrainBatchEnd(context: TrainerContext, loss: number): void {
    this.#loss = loss;
    this.#training.count(context.clock.now(), 1);
    this.#show(context);
  }

  onTrainEpochEnd(context: TrainerContext): void {
    if (context.terminal.isTTY) this.#draw(context);
    const line = this.#trainingLine(context);
    context.terminal.live(null);
    context.terminal.line(line);
    this.#plainAt = context.clock.now();
  }

  onValidationStart(context: TrainerContext): void {
    this.#begin(context, context.stage === 'sanity' ? 'Sanity' : 'Validation');
  }

  onValidationBatchEnd(context: TrainerContext): void {
    this.#advance(context);
  }

  onValidationEnd(context: TrainerContext): void {
    this.#evaluation = null;
    // Time spent here is no training time.
    this.#training.pause(context.clock.now());
    if (context.stage !== 'sanity' && context.terminal.isTTY) this.#draw(context);
  }

  onTestStart(context: TrainerContext): void {
    this.#begin(context, 'Test');
  }

  onTestBatchEnd(context: TrainerContext): void {
    this.#advance(context);
  }

  onTestEnd(context: TrainerContext): void {
    this.#finish(context);
  }

  onPredictStart(context: TrainerContext): void {
    this.#begin(context, 'Prediction');
  }

  onPredictBatchEnd(context: TrainerContext): void {
    this.#advance(context);
  }

  onPredictEnd(context: TrainerContext): void {
    this.#finish(context);
  }

  onTrainEnd({ terminal }: TrainerContext): void {
    terminal.live(null);
  }

  teardown({ terminal }: TrainerContext): void {
    terminal.live(null);
  }

  #begin(context: TrainerContext, title: string): void {
    const totals = Object.values(context.evaluationBatches ?? {});
    const known = totals.every((total) => total !== null);
    const total = known ? totals.reduce((sum, batches) => sum + batches, 0) : null;
    this.#evaluation = { title, done: 0, total, rate: new RateMeter() };
    this.#evaluation.rate.count(context.clock.now(), 0);
    // The line at its end comes anyway; plain ones in between are for long evaluations.
    if (context.kind !== 'fit') this.#plainAt = context.clock.now();
  }

  #advance(context: TrainerContext): void {
    if (this.#evaluation === null) return;
    this.#evaluation.done++;
    this.#evaluation.rate.count(context.clock.now(), 1);
    this.#show(context);
  }

  #finish(context: TrainerContext): void {
    const line = this.#evaluationLine(context);
    this.#evaluation = null;
    context.terminal.live(null);
    if (line !== null) context.terminal.line(line);
  }

  /** Draws when it is time for it. */
  #show(context: TrainerContext): void {
    const now = context.clock.now();
    if (context.terminal.isTTY) {
      if (now - this.#drawnAt >= 1000 / this.#options.refreshPerSecond) this.#draw(context);
    } else if (now - this.#plainAt >= 1000 * this.#options.plainEverySeconds) {
      this.#plainAt = now;
      context.terminal.line(this.#evaluationLine(context) ?? this.#trainingLine(context));
    }
  }

  #draw(context: TrainerContext): void {
    this.#drawnAt = context.clock.now();
    const lines = context.kind === 'fit' ? [this.#trainingLine(context)] : [];
    const evaluation = this.#evaluationLine(context);
    if (evaluation !== null) lines.push(evaluation);
    context.terminal.live(lines);
  }

  #trainingLine(context: TrainerContext): string {
    const { plan, counters } = context;
    const total = plan?.batchesPerEpoch ?? null;
    const done = counters.batchesInEpoch;
    const epochs = plan?.maxEpochs == null ? '' : `/${String(plan.maxEpochs)}`;
    const rate = this.#training.perSecond;
    const left = total === null || rate === 0 ? null : (total - done) / rate;
    return [
      `Epoch ${String(context.currentEpoch + 1)}${epochs}`,
      drawBar(done, total, barStyle(context)),
      formatRate(rate),
      ...(left === null || left <= 0 ? [] : [`${formatClock(left)} left`]),
      ...this.#metrics(context),
    ].join('  ');
  }

  #evaluationLine(context: TrainerContext): string | null {
    if (this.#evaluation === null) return null;
    const { title, done, total, rate } = this.#evaluation;
    const speed = formatRate(rate.perSecond);
    return [title, drawBar(done, total, barStyle(context)), speed].join('  ');
  }

  #metrics({ progressBarMetrics, metrics }: TrainerContext): string[] {
    const shown = [...progressBarMetrics].flatMap((name) => {
      const latest = metrics.get(name);
      return latest === undefined ? [] : [`${name} ${formatMetric(latest.value)}`];
    });
    if (shown.length > 0) return shown;
    return this.#loss === null ? [] : [`loss ${formatMetric(this.#loss)}`];
  }
}

function barStyle({ terminal }: TrainerContext): BarStyle {
  const width = terminal.isTTY ? Math.max(0, Math.min(30, terminal.columns - 60)) : 0;
  return { width, ascii: terminal.unicode === false };
}
