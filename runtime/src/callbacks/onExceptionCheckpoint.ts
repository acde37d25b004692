import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { checkpointsFolder } from '../checkpoint/index.ts';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { messageOf } from '../errors.ts';

const schema = z.strictObject({
  dirpath: z
    .string()
    .nullable()
    .default(null)
    .describe('Folder of the file. Default: checkpoints/ in the folder of the run.'),
  filename: z.string().min(1).default('on_exception').describe('Name of the file.'),
});

export type OnExceptionCheckpointOptions = z.input<typeof schema>;

/**
 * Saves a checkpoint when a step, a hook or the loader throws: the state after the last completed
 * batch, from which a run can be resumed once the cause is gone. A batch that had changed
 * something already when it failed leaves no such state, and a line says so. Moving statistics
 * that the failing step changed are put back before. The file goes when the run later ends well.
 */
export class OnExceptionCheckpoint implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  #startedAt = 0;

  constructor(options: OnExceptionCheckpointOptions = {}) {
    this.#options = parseOptions(schema, options, 'OnExceptionCheckpoint');
  }

  onTrainStart({ counters }: TrainerContext): void {
    this.#startedAt = counters.batches.completed;
  }

  async onException(context: TrainerContext): Promise<void> {
    const { kind, counters, terminal, globalStep, lastCheckpoint } = context;
    if (kind !== 'fit' || counters.batches.processed <= this.#startedAt) return;
    try {
      const path = await context.saveCheckpoint(this.#path(context), { kinds: ['emergency'] });
      terminal.line(`Saved ${path}: the state after update ${globalStep}, before the error.`);
    } catch (error) {
      const newest = lastCheckpoint === null ? '' : ` The newest checkpoint is ${lastCheckpoint}.`;
      terminal.line(`Nothing was saved after the error: ${messageOf(error)}${newest}`);
    }
  }

  /** What went wrong is over; another checkpoint holds the end. */
  async onTrainEnd(context: TrainerContext): Promise<void> {
    const { ended, lastCheckpoint } = context;
    const path = this.#path(context);
    if ((ended !== 'finished' && ended !== 'stopped') || !existsSync(path)) return;
    if (lastCheckpoint !== null && lastCheckpoint !== path) await context.removeCheckpoint(path);
  }

  #path({ runDir }: TrainerContext): string {
    const { dirpath, filename } = this.#options;
    return join(resolve(dirpath ?? join(runDir, checkpointsFolder)), `${filename}.safetensors`);
  }
}
