import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { checkpointsFolder, formatCheckpointName, namesIn } from '../checkpoint/index.ts';
import type { Callback } from '../core/callback.ts';
import { parseDuration, type Duration } from '../core/duration.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { SaveOptions, TrainerContext } from '../core/trainerContext.ts';
import { UsageError } from '../errors.ts';
import { currentValue, isTrainingMetric } from './monitoredMetric.ts';
import { rankCheckpoints, type RankedCheckpoint } from './rankCheckpoints.ts';

const schema = z.strictObject({
  dirpath: z
    .string()
    .nullable()
    .default(null)
    .describe('Folder of the files. Default: checkpoints/ in the folder of the run.'),
  filename: z
    .string()
    .default('{epoch}-{step}')
    .describe('Name of each file; {epoch}, {step} and metrics such as {val/loss:.4f} are put in.'),
  autoInsertMetricName: z
    .boolean()
    .default(true)
    .describe('Put the name in front of each value in the filename: "step=100".'),
  monitor: z
    .string()
    .nullable()
    .default(null)
    .describe('Metric by which the best are kept, by full name: "val/loss".'),
  mode: z.enum(['min', 'max']).default('min').describe('Whether smaller or larger is better.'),
  saveTopK: z
    .int()
    .min(-1)
    .default(1)
    .describe('How many of the best are kept (without monitor: of the newest); -1: all, 0: none.'),
  saveLast: z
    .boolean()
    .default(true)
    .describe('Keep the newest state as last.safetensors, whatever its metric.'),
  every: z
    .string()
    .nullable()
    .default(null)
    .superRefine((value, context) => {
      if (value === null) return;
      const problem = everyProblem(value);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .describe(
      'When to save: "500 updates", "2 epochs", "10 min" or "1 validation". Default: after each ' +
        'validation when a validation metric is monitored, otherwise after each epoch.',
    ),
  saveWeightsOnly: z
    .boolean()
    .default(false)
    .describe('Leave out what resuming needs; such files give weights only.'),
  id: z.string().optional().describe('Name of its state in checkpoints, when there are several.'),
});

export type ModelCheckpointOptions = z.input<typeof schema>;

interface State {
  best: RankedCheckpoint | null;
  kept: RankedCheckpoint[];
  /** Update of the newest save, so that none is saved twice. */
  savedStep: number;
  savedSeconds: number;
}

/** Saves checkpoints: the best by a metric, the newest, or at fixed intervals. */
export class ModelCheckpoint implements Callback {
  static readonly schema = schema;
  readonly saving = true;
  readonly id: string;
  readonly #options: z.output<typeof schema>;
  readonly #every: Duration;
  #state: State = { best: null, kept: [], savedStep: -1, savedSeconds: 0 };
  #suffix = '';
  #last: string = lastName;
  /** Settled when the newest save is on the disk, or taken back because it never got there. */
  #pending: Promise<void> = Promise.resolve();

  constructor(options: ModelCheckpointOptions = {}) {
    this.#options = parseOptions(schema, options, 'ModelCheckpoint');
    const { monitor, every, id } = this.#options;
    const afterValidation = monitor !== null && !isTrainingMetric(monitor);
    const standard: Duration = { amount: 1, unit: afterValidation ? 'validations' : 'epochs' };
    this.#every = every === null ? standard : parseDuration(every, 'ModelCheckpoint.every');
    this.id = id ?? `ModelCheckpoint(${monitor ?? 'newest'}, ${this.#every.unit})`;
  }

  /**
   * Keeps the files of several callbacks apart: those of the second with the same folder and
   * filename end in `-v1`, of the third in `-v2`. One that saves weights only beside one that saves
   * all keeps the newest as `last-weights`. Called by the trainer.
   */
  static separate(callbacks: readonly unknown[]): void {
    const counts = new Map<string, number>();
    const own = callbacks.filter((callback) => callback instanceof ModelCheckpoint);
    const wholeIn = own
      .filter((callback) => !callback.#options.saveWeightsOnly && callback.#options.saveLast)
      .map((callback) => callback.#options.dirpath);
    for (const callback of own) {
      const { dirpath, filename, autoInsertMetricName, saveWeightsOnly } = callback.#options;
      callback.#last =
        saveWeightsOnly && wholeIn.includes(dirpath) ? `${lastName}-weights` : lastName;
      const key = JSON.stringify([dirpath, filename, autoInsertMetricName]);
      const count = counts.get(key) ?? 0;
      callback.#suffix = count === 0 ? '' : `-v${String(count)}`;
      counts.set(key, count + 1);
    }
  }

  get watches(): readonly string[] {
    const { monitor, filename, saveTopK } = this.#options;
    const inName = namesIn(filename).filter((name) => name !== 'epoch' && name !== 'step');
    return [...(monitor === null ? [] : [monitor]), ...(saveTopK === 0 ? [] : inName)];
  }

  get bestModelPath(): string | null {
    return this.#state.best?.path ?? null;
  }

  /** Value of the monitored metric in the best checkpoint. */
  get bestModelScore(): number | null {
    return this.#state.best?.value ?? null;
  }

  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    const { amount, unit } = this.#every;
    const { globalStep, seconds } = context;
    if (globalStep === 0 || globalStep === this.#state.savedStep) return;
    const due =
      (unit === 'updates' && globalStep % amount === 0) ||
      (unit === 'seconds' && seconds - this.#state.savedSeconds >= amount);
    if (due) await this.#save(context);
  }

  async onValidationEnd(context: TrainerContext): Promise<void> {
    const { amount, unit } = this.#every;
    // `validate` alone has nothing to save, sanity checks nothing worth saving.
    if (context.kind !== 'fit' || context.stage === 'sanity' || unit !== 'validations') return;
    if (context.counters.validations.completed % amount === 0) await this.#save(context);
  }

  async onTrainEpochEnd(context: TrainerContext): Promise<void> {
    const { amount, unit } = this.#every;
    if (unit === 'epochs' && (context.currentEpoch + 1) % amount === 0) await this.#save(context);
  }

  /** The state at the end is always kept; a pause has saved it already. */
  async onTrainEnd(context: TrainerContext): Promise<void> {
    if (context.ended === 'paused' || context.ended === 'interrupted') return;
    await this.#pending;
    if (!this.#options.saveLast || this.#state.savedStep === context.globalStep) return;
    await this.#write(
      context,
      this.#path(context, this.#last),
      { kinds: ['last'] },
      structuredClone(this.#state),
    );
  }

  stateDict(): JsonObject {
    return structuredClone(this.#state) as unknown as JsonObject;
  }

  loadStateDict(state: JsonObject): void {
    this.#state = structuredClone(state) as unknown as State;
  }

  async #save(context: TrainerContext): Promise<void> {
    const { monitor, mode, saveTopK, saveLast } = this.#options;
    const value = monitor === null ? null : currentValue(context, monitor, 'ModelCheckpoint');
    if (monitor !== null && value === null) return;
    await this.#pending;
    const before = structuredClone(this.#state);
    const path = this.#path(context, this.#name(context));
    this.#forgetOtherFolders(context);
    const ranking = rankCheckpoints(this.#state.kept, { path, value }, { mode, keep: saveTopK });
    const { kept, removed, best } = ranking;
    const isKept = kept.some((item) => item.path === path);
    this.#state.kept = kept;
    this.#state.best = best;
    const removes = removed.map((item) => item.path).filter((other) => other !== path);
    if (isKept) {
      const kind = value === null ? 'periodic' : best?.path === path ? 'best' : 'top';
      const last = { file: this.#last, kinds: ['last'] as const };
      const options: SaveOptions = {
        kinds: [kind],
        removes,
        ...(monitor !== null && { monitor }),
        ...(saveLast && { alsoAs: [last] }),
      };
      await this.#write(context, path, options, before);
    } else if (saveLast) {
      const options: SaveOptions = { kinds: ['last'], removes };
      await this.#write(context, this.#path(context, this.#last), options, before);
    } else {
      for (const other of removes) await context.removeCheckpoint(other);
    }
  }

  /** @param before the state to return to when nothing could be written */
  async #write(
    context: TrainerContext,
    path: string,
    options: SaveOptions,
    before: State,
  ): Promise<void> {
    this.#state.savedStep = context.globalStep;
    this.#state.savedSeconds = context.seconds;
    const weightsOnly = this.#options.saveWeightsOnly;
    let settle = (): void => undefined;
    this.#pending = new Promise((resolve) => {
      settle = resolve;
    });
    const settled = (written: boolean): void => {
      if (!written) this.#state = before;
      settle();
    };
    await context.saveCheckpoint(path, { ...options, weightsOnly, settled, background: true });
  }

  #name(context: TrainerContext): string {
    const values: Record<string, number> = {};
    for (const [key, { value }] of context.metrics) values[key] = value;
    values.epoch = context.currentEpoch;
    values.step = context.globalStep;
    const { filename, autoInsertMetricName } = this.#options;
    return formatCheckpointName(filename, values, { autoInsertMetricName }) + this.#suffix;
  }

  #path({ runDir }: TrainerContext, name: string): string {
    const folder = resolve(this.#options.dirpath ?? join(runDir, checkpointsFolder));
    return join(folder, `${name}.safetensors`);
  }

  /** Files of another run (resumed into a new folder) are left alone, not ranked or removed. */
  #forgetOtherFolders(context: TrainerContext): void {
    const folder = dirname(this.#path(context, this.#last));
    this.#state.kept = this.#state.kept.filter(({ path }) => dirname(path) === folder);
  }
}

const lastName = 'last';

function everyProblem(value: string): string | null {
  try {
    const { unit, amount } = parseDuration(value, 'every');
    if (unit === 'seconds') return null;
    if (['updates', 'epochs', 'validations'].includes(unit) && Number.isInteger(amount))
      return null;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return `expected whole updates, epochs or validations, or a time, got "${value}".`;
}
