import { fork } from 'node:child_process';
import { UsageError } from '../errors.ts';
import type { BatchSizeMeasure } from '../tuning/batchSizeTrial.ts';
import { failureOfExit } from '../tuning/failure.ts';
import type { LrSweepTask } from '../tuning/lrSweep.ts';
import type { Host } from './host.ts';

/** In the environment of a child of `tune`: what it has to do, as JSON. */
export const taskVariable = 'LIGHTBOX_TUNE_TASK';

/** What a child does: one training, of which nothing is left but what it tells. */
export type TuneTask =
  | { readonly type: 'lr'; readonly folder: string; readonly sweep: LrSweepTask }
  | {
      readonly type: 'batch-size';
      readonly folder: string;
      readonly path: string;
      readonly size: number;
      readonly steps: number;
    };

/** What a child says. */
export type TuneMessage =
  | { readonly type: 'point'; readonly lr: number; readonly loss: number | string }
  | { readonly type: 'measure'; readonly measure: BatchSizeMeasure }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'failed'; readonly message: string };

/** How a child ended; `failure` is null when all went well. */
export interface TuneProcessEnd {
  readonly failure: string | null;
  readonly interrupted: boolean;
}

/**
 * Starts the program that is running once more, with the same arguments, for one task. Whatever
 * happens there, out of memory included, happens to the child alone.
 * @throws UsageError what the child refused: it would refuse it again
 */
export function runTuneProcess(
  task: TuneTask,
  { script, args, env, signals }: Host,
  onMessage: (message: TuneMessage) => void,
): Promise<TuneProcessEnd> {
  if (script === undefined) {
    throw new UsageError('ERR_CLI_COMMAND', 'tune needs a script that it can start once more.');
  }
  const child = fork(script, [...args], {
    execArgv: process.execArgv,
    env: { ...process.env, ...env, [taskVariable]: JSON.stringify(task) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let [errors, interrupted] = ['', false];
  let refused: UsageError | undefined;
  let failure: string | null = null;
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + String(chunk)).slice(-20_000)));
  child.on('message', (message: TuneMessage) => {
    if (message.type === 'refused') refused = new UsageError(message.code, message.message);
    else if (message.type === 'failed') failure = message.message;
    else onMessage(message);
  });
  const stop = (): void => {
    interrupted = true;
    child.kill('SIGKILL');
  };
  const off = [signals.on('SIGINT', stop), signals.on('SIGTERM', stop)];
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const release of off) release();
      if (refused !== undefined) reject(refused);
      else if (code === 0 || interrupted) resolve({ failure, interrupted });
      else resolve({ failure: failureOfExit(code, signal, errors).message, interrupted });
    });
  });
}
