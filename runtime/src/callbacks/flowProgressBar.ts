import type { Callback } from '../core/callback.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { drawBar, formatClock, formatMetric, formatRate, type BarStyle } from './barText.ts';
import { flowProgressSchema, type FlowProgressBarOptions } from './flowProgressOptions.ts';
import { MetricPatterns } from './metricPatterns.ts';
import { RateMeter } from './rateMeter.ts';
import { nextInterval, type Interval } from './validationInterval.ts';

/** Columns that a bar's numbers take beside it. */
const textColumns = 70;

interface Evaluation {
  readonly title: string;
  readonly total: number | null;
  readonly began: number;
  readonly rate: RateMeter;
  done: number;
}

/**
 * Two bars: the whole run in updates, and the way to the next validation in batches, both from the
 * one plan of the run. Live in a terminal, a plain line every few seconds elsewhere.
 */
export class FlowProgressBarCallback implements Callback {
  static readonly schema = flowProgressSchema;
  readonly runsInSanity = true;
  readonly showsProgress = true;
  readonly #options: ReturnType<typeof flowProgressSchema.parse>;
  readonly #global: MetricPatterns;
  readonly #local: MetricPatterns | null;
  readonly #rate = new RateMeter();
  #interval: Interval | null = null;
  #intervalStart = 0;
  #intervalBegan = 0;
  #evaluation: Evaluation | null = null;
  #began = { at: 0, updates: 0 };
  #loss: number | null = null;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #plainAt = 0;
  #batchesSinceDraw = 0;

  constructor(options: FlowProgressBarOptions = {}) {
    this.#options = parseOptions(flowProgressSchema, options, 'FlowProgressBarCallback');
    const { globalBarMetrics, intervalBarMetrics } = this.#options;
    this.#global = new MetricPatterns(globalBarMetrics);
    this.#local = intervalBarMetrics === null ? null : new MetricPatterns(intervalBarMetrics);
  }

  onTrainStart({ clock, counters }: TrainerContext): void {
    this.#began = { at: clock.now(), updates: counters.updates.completed };
    this.#plainAt = this.#intervalBegan = clock.now();
    this.#rate.count(clock.now(), 0);
  }

  onTrainBatchEnd(context: TrainerContext, loss: number): void {
    this.#loss = loss;
    this.#rate.count(context.clock.now(), 1);
    this.#show(context);
  }

  onValidationStart(context: TrainerContext): void {
    const number = String(context.counters.validations.completed + 1);
    this.#begin(context, context.stage === 'sanity' ? 'Sanity check' : `Validation ${number}`);
  }

  onValidationBatchEnd(context: TrainerContext): void {
    this.#advance(context);
  }

  onValidationEnd(context: TrainerContext): void {
    this.#evaluation = null;
    if (context.stage === 'sanity') return;
    const now = context.clock.now();
    // Time spent here is no training time.
    this.#rate.pause(now);
    this.#interval = null;
    this.#intervalStart = context.counters.batches.processed;
    this.#intervalBegan = now;
    if (this.#options.leave && this.#options.refreshRate > 0) this.#leaveLine(context);
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

  onTrainEnd(context: TrainerContext): void {
    context.terminal.live(null);
    if (this.#options.leave && this.#options.refreshRate > 0) {
      context.terminal.line(this.#runLine(context, plain(context)));
    }
  }

  teardown({ terminal }: TrainerContext): void {
    terminal.live(null);
  }

  stateDict(): JsonObject {
    return { intervalStart: this.#intervalStart };
  }

  loadStateDict({ intervalStart }: JsonObject): void {
    this.#intervalStart = Number(intervalStart);
    this.#interval = null;
  }

  #begin(context: TrainerContext, title: string): void {
    const totals = Object.values(context.evaluationBatches ?? {});
    const known = totals.filter((total) => total !== null);
    const total = known.length < totals.length ? null : known.reduce((sum, n) => sum + n, 0);
    const began = context.clock.now();
    this.#evaluation = { title, total, began, done: 0, rate: new RateMeter() };
    this.#evaluation.rate.count(began, 0);
  }

  #advance(context: TrainerContext): void {
    if (this.#evaluation === null) return;
    this.#evaluation.done++;
    this.#evaluation.rate.count(context.clock.now(), 1);
    this.#show(context);
  }

  #finish(context: TrainerContext): void {
    const line = this.#intervalLine(context, plain(context));
    this.#evaluation = null;
    context.terminal.live(null);
    if (this.#options.refreshRate > 0) context.terminal.line(line);
  }

  /** Draws when it is time for it; all text is made here, so at most ten times a second. */
  #show(context: TrainerContext): void {
    const { refreshRate, refreshPerSecond, plainEverySeconds } = this.#options;
    if (refreshRate === 0 || ++this.#batchesSinceDraw < refreshRate) return;
    const now = context.clock.now();
    if (!context.terminal.isTTY) {
      if (now - this.#plainAt < 1000 * plainEverySeconds) return;
      this.#plainAt = now;
      context.terminal.line(this.#lines(context, plain(context)).join(' | '));
    } else if (now - this.#drawnAt >= 1000 / refreshPerSecond) {
      this.#drawnAt = now;
      this.#batchesSinceDraw = 0;
      context.terminal.live(this.#lines(context, this.#style(context)));
    }
  }

  #leaveLine(context: TrainerContext): void {
    const { counters, metrics, terminal } = context;
    const values = [...metrics]
      .filter(([name, { step }]) => name.startsWith('val/') && step === context.globalStep)
      .map(([name, { value }]) => `${name}=${formatMetric(value)}`);
    const after = `after update ${String(counters.updates.completed)}`;
    const title = `Validation ${String(counters.validations.completed)} ${after}`;
    terminal.line([title, ...values].join('  '));
  }

  #style({ terminal }: TrainerContext): BarStyle {
    return {
      width: Math.max(0, Math.min(30, terminal.columns - textColumns)),
      ascii: terminal.unicode === false,
      colour: terminal.color ? this.#options.barColour : null,
    };
  }

  #lines(context: TrainerContext, style: BarStyle): string[] {
    if (context.kind !== 'fit' || context.stage === 'sanity') {
      return [this.#intervalLine(context, style)];
    }
    return [this.#runLine(context, style), this.#intervalLine(context, style)];
  }

  #runLine(context: TrainerContext, style: BarStyle): string {
    const { plan, counters, clock, seconds } = context;
    const done = counters.updates.completed;
    const rate = (done - this.#began.updates) / ((clock.now() - this.#began.at) / 1000);
    const total = plan?.totalUpdates ?? null;
    const byUpdates = total === null || !(rate > 0) ? null : (total - done) / rate;
    const byTime = plan?.maxSeconds == null ? null : plan.maxSeconds - seconds;
    const limits = [byUpdates, byTime].filter((limit) => limit !== null);
    const left = limits.length === 0 ? null : Math.max(0, Math.min(...limits));
    return [
      'Run',
      drawBar(done, total, style, 'updates'),
      `${elapsedAndLeft(seconds, left)}, ${formatRate(rate)}`,
      ...this.#global.show(context, this.#loss),
    ].join('  ');
  }

  #intervalLine(context: TrainerContext, style: BarStyle): string {
    const now = context.clock.now();
    if (this.#evaluation !== null) {
      const { title, done, total, rate, began } = this.#evaluation;
      return timedBar({ title, done, total, began, now, rate: rate.perSecond }, style);
    }
    const { start, end, until } = this.#currentInterval(context);
    const next = String(context.counters.validations.completed + 1);
    const bar = {
      title: until === 'end' ? 'To the end' : `To validation ${next}`,
      done: context.counters.batches.processed - start,
      total: end === null ? null : end - start,
      began: this.#intervalBegan,
      now,
      rate: this.#rate.perSecond,
    };
    return [timedBar(bar, style), ...this.#localMetrics(context)].join('  ');
  }

  #currentInterval({ plan, counters }: TrainerContext): Interval {
    const isPast = this.#interval?.end != null && counters.batches.processed > this.#interval.end;
    if (plan === null) return { start: 0, end: null, until: 'end' };
    if (this.#interval === null || isPast) {
      this.#interval = nextInterval(plan, counters, this.#intervalStart);
    }
    return this.#interval;
  }

  #localMetrics(context: TrainerContext): string[] {
    if (this.#local !== null) return this.#local.show(context, this.#loss);
    const shown = [...context.progressBarMetrics].flatMap((name) => {
      const value = context.metrics.get(name)?.value;
      return value === undefined ? [] : [`${name}=${formatMetric(value)}`];
    });
    if (shown.length > 0 || this.#loss === null) return shown;
    return [`loss=${formatMetric(this.#loss)}`];
  }
}

interface TimedBar {
  readonly title: string;
  readonly done: number;
  readonly total: number | null;
  readonly began: number;
  readonly now: number;
  readonly rate: number;
}

function timedBar({ title, done, total, began, now, rate }: TimedBar, style: BarStyle): string {
  const left = total === null || rate === 0 ? null : Math.max(0, (total - done) / rate);
  const times = elapsedAndLeft((now - began) / 1000, left);
  return `${title}  ${drawBar(done, total, style, 'batches')}  ${times}, ${formatRate(rate)}`;
}

function elapsedAndLeft(elapsed: number, left: number | null): string {
  return `${formatClock(elapsed)}<${left === null ? '?' : formatClock(left)}`;
}

/** Numbers alone. */
function plain({ terminal }: TrainerContext): BarStyle {
  return { width: 0, ascii: terminal.unicode === false, colour: null };
}
