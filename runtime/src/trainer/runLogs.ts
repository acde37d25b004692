import type { JsonObject } from '../core/json.ts';
import type { Logger, RunInfo, RunStatus } from '../core/logger.ts';
import type { Stage } from '../core/stage.ts';

/** Where in the run a row belongs. */
export interface RowPlace {
  readonly step: number;
  readonly epoch: number;
  readonly time: number;
}

/** Collects values until their row is due and hands rows to the loggers. */
export class RunLogs {
  readonly loggers: readonly Logger[];
  /** What the module logged in the newest step. */
  #step: Record<string, number> = {};
  /** What callbacks and the trainer added since the last row. */
  #added: Record<string, number> = {};
  #resumed: JsonObject = {};

  constructor(loggers: readonly Logger[]) {
    this.loggers = loggers;
  }

  async start(run: RunInfo, hparams: JsonObject): Promise<void> {
    for (const logger of this.loggers) {
      const state = this.#resumed[logger.name];
      if (state !== undefined) logger.loadStateDict?.(state as JsonObject);
      await logger.start(run);
      if (Object.keys(hparams).length > 0) logger.logHyperparameters(hparams);
    }
  }

  setStep(values: Record<string, number>): void {
    this.#step = values;
  }

  add(values: Readonly<Record<string, number>>): void {
    Object.assign(this.#added, values);
  }

  /** Writes the newest step's values with everything that was added. */
  writeStep(place: RowPlace): void {
    const values = this.#withAdded(this.#step);
    this.#step = {};
    this.#write('train', values, place);
  }

  /** Writes means of a stage with everything that was added. */
  writeEpoch(stage: Stage, means: Readonly<Record<string, number>>, place: RowPlace): void {
    this.#write(stage, this.#withAdded(means), place);
  }

  async flush(): Promise<void> {
    await Promise.all(this.loggers.map((logger) => logger.flush()));
  }

  async finish(status: RunStatus): Promise<void> {
    await Promise.all(this.loggers.map((logger) => logger.finish(status)));
  }

  /** Values whose row is not written yet, and how far each logger is. Flush before. */
  stateDict(): JsonObject {
    const loggers: JsonObject = {};
    for (const logger of this.loggers) {
      const state = logger.stateDict?.();
      if (state !== undefined) loggers[logger.name] = state;
    }
    return { step: { ...this.#step }, added: { ...this.#added }, loggers };
  }

  /** Call it before `start`. */
  loadStateDict(state: JsonObject): void {
    this.#resumed = state.loggers as JsonObject;
    this.#step = { ...(state.step as Record<string, number>) };
    this.#added = { ...(state.added as Record<string, number>) };
  }

  /** Copied only when there is something to add, for this is called after each update. */
  #withAdded(values: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
    if (isEmpty(this.#added)) return values;
    const all = { ...values, ...this.#added };
    this.#added = {};
    return all;
  }

  #write(stage: Stage, values: Readonly<Record<string, number>>, place: RowPlace): void {
    if (isEmpty(values)) return;
    const { step, epoch, time } = place;
    const row = { step, epoch, stage, values, time };
    for (const logger of this.loggers) logger.logMetrics(row);
  }
}

function isEmpty(values: object): boolean {
  for (const _name in values) return false;
  return true;
}
