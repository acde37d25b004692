import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { formatDuration, parseDuration, type Duration } from '../core/duration.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import { UsageError } from '../errors.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { currentValue, isTrainingMetric } from './monitoredMetric.ts';

const schema = z.strictObject({
  monitor: z.string().describe('Metric to watch, by its full name: "val/loss".'),
  mode: z.enum(['min', 'max']).default('min').describe('Whether smaller or larger is better.'),
  patience: z
    .union([z.int().nonnegative(), z.string()])
    .default(3)
    .describe('Checks without improvement before stopping, or a duration: "5 epochs", "20 min".'),
  onPatience: z
    .enum(['stop', 'pause'])
    .default('stop')
    .describe(
      'What the end of patience does; a run that was paused and goes on has all of it again.',
    ),
  minDelta: z.number().nonnegative().default(0).describe('Smallest change that is an improvement.'),
  checkFinite: z.boolean().default(true).describe('Stop when the value is NaN or infinite.'),
  stoppingThreshold: z
    .number()
    .nullable()
    .default(null)
    .describe('Stop as soon as the value is at least this good.'),
  divergenceThreshold: z
    .number()
    .nullable()
    .default(null)
    .describe('Stop as soon as the value is worse than this.'),
  strict: z
    .boolean()
    .default(true)
    .describe('End with an error when the metric was never logged; false: wait for it.'),
  id: z.string().optional().describe('Name of its state in checkpoints, when there are several.'),
});

export type EarlyStoppingOptions = z.input<typeof schema>;
type Options = z.output<typeof schema>;

/** Ends training when a metric has stopped improving. Checks after each validation. */
export class EarlyStopping implements Callback {
  static readonly schema = schema;
  readonly monitoring = true;
  readonly id: string;
  readonly #options: Options;
  readonly #patience: Duration;
  #state: EarlyStoppingState = {
    best: null,
    checks: 0,
    bestAt: { updates: 0, epochs: 0, seconds: 0 },
  };

  constructor(options: EarlyStoppingOptions) {
    this.#options = parseOptions(schema, options, 'EarlyStopping');
    const { patience, monitor, id } = this.#options;
    this.#patience = readPatience(patience);
    this.id = id ?? `EarlyStopping(${monitor})`;
  }

  /** Best value so far; null before the first check. */
  get best(): number | null {
    return this.#state.best;
  }

  get watches(): readonly string[] {
    return this.#options.strict ? [this.#options.monitor] : [];
  }

  onValidationEnd(context: TrainerContext): void {
    if (!isTrainingMetric(this.#options.monitor)) this.#check(context);
  }

  onTrainEpochEnd(context: TrainerContext): void {
    if (isTrainingMetric(this.#options.monitor)) this.#check(context);
  }

  stateDict(): JsonObject {
    return structuredClone(this.#state) as unknown as JsonObject;
  }

  loadStateDict(state: JsonObject): void {
    this.#state = structuredClone(state) as unknown as EarlyStoppingState;
  }

  #check(context: TrainerContext): void {
    const { monitor, strict } = this.#options;
    if (!strict && !context.metrics.has(monitor)) return;
    const value = currentValue(context, monitor, 'EarlyStopping');
    if (value === null) return;
    const { updates, epochs } = context.counters;
    const now = { updates: updates.completed, epochs: epochs.completed, seconds: context.seconds };
    const before = this.#state;
    const decision = decideEarlyStop(before, value, now, {
      ...this.#options,
      patience: this.#patience,
    });
    this.#state = decision.state;
    if (decision.reason === null) return;
    // Any other reason leaves the state as it was, and ends training for good.
    const impatient = decision.state !== before;
    if (!impatient || this.#options.onPatience === 'stop') {
      context.requestStop(decision.reason);
      return;
    }
    this.#state = { ...decision.state, checks: 0, bestAt: now };
    context.requestPause(decision.reason, isTrainingMetric(monitor) ? 'epoch' : 'validation');
  }
}

function readPatience(patience: number | string): Duration {
  if (typeof patience === 'number') return { amount: patience, unit: 'validations' };
  const duration = parseDuration(patience, 'EarlyStopping.patience');
  if (['validations', 'updates', 'epochs', 'seconds'].includes(duration.unit)) return duration;
  throw new UsageError(
    'ERR_DURATION',
    `EarlyStopping.patience: expected validations, updates, epochs or a time, got "${patience}". ` +
      'Write "5 epochs", "1000 updates" or "20 min", or a bare number of checks.',
  );
}

interface Moment {
  readonly updates: number;
  readonly epochs: number;
  readonly seconds: number;
}

export interface EarlyStoppingState {
  readonly best: number | null;
  /** Checks since the best value. */
  readonly checks: number;
  readonly bestAt: Moment;
}

/** What follows from one more value: the new state, and why to stop (null: go on). */
export function decideEarlyStop(
  state: EarlyStoppingState,
  value: number,
  now: Moment,
  options: Omit<Options, 'patience' | 'onPatience'> & { readonly patience: Duration },
): { state: EarlyStoppingState; reason: string | null } {
  const { monitor, mode, minDelta, patience, stoppingThreshold, divergenceThreshold } = options;
  const better = (a: number, b: number): boolean => (mode === 'min' ? a < b : a > b);
  if (options.checkFinite && !Number.isFinite(value)) {
    return { state, reason: `${monitor} is ${String(value)}` };
  }
  if (stoppingThreshold !== null && better(value, stoppingThreshold)) {
    return { state, reason: `${monitor} ${text(value)} reached ${text(stoppingThreshold)}` };
  }
  if (divergenceThreshold !== null && better(divergenceThreshold, value)) {
    return { state, reason: `${monitor} ${text(value)} is past ${text(divergenceThreshold)}` };
  }
  const needed = state.best === null ? null : state.best + (mode === 'min' ? -minDelta : minDelta);
  if (needed === null || better(value, needed)) {
    return { state: { best: value, checks: 0, bestAt: now }, reason: null };
  }
  const waited = { ...state, checks: state.checks + 1 };
  const over = elapsed(waited, now, patience) >= patience.amount;
  const reason = `${monitor} has not improved on ${text(state.best ?? value)} for ${formatDuration(patience)}`;
  return { state: waited, reason: over ? reason : null };
}

function elapsed({ checks, bestAt }: EarlyStoppingState, now: Moment, { unit }: Duration): number {
  if (unit === 'updates' || unit === 'epochs' || unit === 'seconds')
    return now[unit] - bestAt[unit];
  return checks;
}

function text(value: number): string {
  return String(Number(value.toPrecision(6)));
}
