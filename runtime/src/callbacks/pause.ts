import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { SignalName } from '../core/ports.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { messageOf, UsageError } from '../errors.ts';
import { pauseSchema, type PauseCallbackOptions, type PauseSettings } from './pauseOptions.ts';

/** How often the pause file is looked for, in milliseconds. */
const fileInterval = 500;

const uploadText = {
  none: 'nothing',
  this: 'its checkpoint',
  all: 'its checkpoint and the best one',
} as const;

/**
 * Pauses, saves, validates and stops on request while a fit trains: by keys in a terminal, by
 * SIGUSR2 (save and go on), by a file `PAUSE` in the folder of the run. A paused run is saved and
 * ends; resumed, it gives the same bits as one that was never paused.
 */
export class PauseCallback implements Callback {
  static readonly schema = pauseSchema;
  readonly #options: PauseSettings;
  readonly #actions: ReadonlyMap<string, (context: TrainerContext) => string>;
  #cleanups: (() => void)[] = [];
  #upload: PauseSettings['upload'];
  #lastKey = { key: '', at: Number.NEGATIVE_INFINITY };
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @throws UsageError ERR_OPTIONS for bad options, or one key for two things */
  constructor(options: PauseCallbackOptions = {}) {
    this.#options = parseOptions(pauseSchema, options, 'PauseCallback');
    this.#upload = this.#options.upload;
    const { pauseKey, saveKey, validateKey, stopKey, uploadKey } = this.#options;
    const keys = [pauseKey, saveKey, validateKey, stopKey, uploadKey];
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice !== undefined) {
      throw new UsageError(
        'ERR_OPTIONS',
        `PauseCallback: "${twice}" stands for two things. Give pause_key, upload_key, save_key, validate_key and stop_key a key each.`,
      );
    }
    this.#actions = new Map([
      [pauseKey, (context) => this.#togglePause(context)],
      [saveKey, save],
      [validateKey, validate],
      [stopKey, stop],
      [uploadKey, (context) => this.#cycleUpload(context)],
    ]);
  }

  onTrainStart(context: TrainerContext): void {
    if (!this.#options.enablePause) return;
    this.#listen(context, 'SIGUSR2', 'save');
    if (this.#options.sigusr1 !== null) this.#listen(context, 'SIGUSR1', this.#options.sigusr1);
    const stopKeys = context.terminal.onKey?.((key) => {
      this.#pressed(context, key);
    });
    if (stopKeys == null) return;
    this.#cleanups.push(stopKeys);
    const { pauseKey, saveKey, validateKey, stopKey, uploadKey } = this.#options;
    context.terminal.line(
      `Keys: ${pauseKey} pause, ${saveKey} save, ${validateKey} validate, ${stopKey} stop, ${uploadKey} upload at a pause`,
    );
  }

  onTrainBatchEnd(context: TrainerContext): void {
    this.#lookForFile(context);
  }

  onValidationBatchEnd(context: TrainerContext): void {
    this.#lookForFile(context);
  }

  onTrainEnd(context: TrainerContext): void | Promise<void> {
    this.#stop();
    if (context.ended === 'paused' && this.#upload !== 'none') return this.#uploadPause(context);
  }

  teardown(): void {
    this.#stop();
  }

  #listen(context: TrainerContext, signal: SignalName, action: 'pause' | 'save'): void {
    const act = (): void => {
      const said =
        action === 'save' ? save(context) : this.#pause(context, `${signal} asked for it`);
      context.terminal.line(`${signal}: ${said}`);
    };
    this.#cleanups.push(context.signals.on(signal, act));
  }

  #stop(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  #pressed(context: TrainerContext, key: string): void {
    const action = this.#actions.get(key);
    if (action === undefined) return;
    const now = context.clock.now();
    const isRepeat =
      key === this.#lastKey.key && now - this.#lastKey.at < 1000 * this.#options.debounceInterval;
    this.#lastKey = { key, at: now };
    if (!isRepeat) context.terminal.line(`${key}: ${action(context)}`);
  }

  #togglePause(context: TrainerContext): string {
    if (context.cancelPause()) return 'no pause, training goes on';
    const said = this.#pause(context, `key ${this.#options.pauseKey}`);
    return `${said}; ${this.#options.pauseKey} again takes it back`;
  }

  #pause(context: TrainerContext, reason: string): string {
    const { pauseAt } = this.#options;
    context.requestPause(reason, pauseAt);
    const when = { batch: 'this batch', update: 'this update' } as const;
    if (pauseAt === 'batch' || pauseAt === 'update') return `pausing after ${when[pauseAt]}`;
    const end = 'the end of the epoch';
    return `pausing at ${pauseAt === 'epoch' ? end : `the next validation, at the latest at ${end}`}`;
  }

  #cycleUpload({ loggers }: TrainerContext): string {
    if (!loggers.some((logger) => 'uploadCheckpoints' in logger)) {
      return 'no logger that keeps checkpoints (W&B), so a pause uploads nothing';
    }
    const order = ['none', 'this', 'all'] as const;
    this.#upload = order[(order.indexOf(this.#upload) + 1) % order.length];
    return `a pause uploads ${uploadText[this.#upload]}`;
  }

  /** The checkpoint is on the disk: a failure here costs nothing but the copy. */
  async #uploadPause(context: TrainerContext): Promise<void> {
    const { loggers, lastCheckpoint, terminal } = context;
    const best = this.#upload === 'all' ? context.bestCheckpoint() : null;
    const paths = [...new Set([lastCheckpoint, best])].filter((path) => path !== null);
    for (const logger of loggers) {
      try {
        await logger.uploadCheckpoints?.(paths);
      } catch (error) {
        terminal.line(`Not uploaded by ${logger.name}: ${messageOf(error)}. The files are here.`);
      }
    }
  }

  #lookForFile(context: TrainerContext): void {
    const { pauseFile, enablePause } = this.#options;
    if (pauseFile === null || !enablePause || context.kind !== 'fit') return;
    const now = context.clock.now();
    if (now - this.#lookedAt < fileInterval) return;
    this.#lookedAt = now;
    const path = join(context.runDir, pauseFile);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
    // Left there, it would pause the resumed run again.
    rmSync(path, { force: true });
    context.terminal.line(`${pauseFile}: ${this.#pause(context, `file ${pauseFile}`)}`);
  }
}

function save(context: TrainerContext): string {
  context.requestSave();
  return context.stage === 'validate' ? 'saving after this validation' : 'saving after this batch';
}

function validate(context: TrainerContext): string {
  if (context.stage === 'validate') return 'a validation is under way';
  return context.requestValidation()
    ? 'validating after this batch'
    : 'there is nothing to validate on';
}

function stop(context: TrainerContext): string {
  context.requestStop('stopped by key');
  return 'stopping after this update';
}
