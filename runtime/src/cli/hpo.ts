import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { isUsageError, messageOf } from '../errors.ts';
import type { FromWorker, MessagePipe, ToWorker } from '../tuning/messages.ts';
import { type HpoOptions, runSearch } from '../tuning/runSearch.ts';
import type { TrainingSide } from '../tuning/trainingSide.ts';
import { serveTrial } from '../tuning/trialWorker.ts';
import type { Signals, Terminal } from '../core/ports.ts';

const WORKER_VARIABLE = 'LIGHTBOX_HPO_WORKER';

/**
 * The whole of a project's `scripts/hpo.ts`: searches for hyper-parameters as the command line
 * says, and, started again by itself as a child process, runs one trial. Sets the exit code.
 *
 * ```ts
 * import { runHpo } from 'lightbox-runtime';
 * import { hpoConfig } from '../src/hpo/config.ts';
 * import { searchSpace } from '../src/hpo/searchSpace.ts';
 *
 * await runHpo({ searchSpace, config: hpoConfig, configFiles: ['configs/net.yaml'] });
 * ```
 *
 * @param side for tests: what trains; default the trainer
 */
export async function runHpo(options: HpoOptions, side: TrainingSide): Promise<void> {
  try {
    process.exitCode = await start(options, side);
  } catch (error) {
    const text = isUsageError(error) ? error.message : stackOf(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = isUsageError(error) ? 2 : 1;
  }
}

async function start(options: HpoOptions, side: TrainingSide): Promise<number> {
  if (process.env[WORKER_VARIABLE] !== undefined && process.connected) return work(side);
  return runSearch(options, {
    args: process.argv.slice(2),
    terminal: processTerminal(),
    signals: processSignals(),
    cores: availableParallelism(),
    side,
    worker: {
      script: process.argv[1],
      execArgv: process.execArgv,
      args: [],
      env: { ...process.env, [WORKER_VARIABLE]: String(process.pid) },
    },
  });
}

async function work(side: TrainingSide): Promise<number> {
  dieWithParent();
  // Ctrl-C reaches the whole process group; the coordinator decides what it means for a trial.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  await serveTrial(side.runTrial, parentPipe());
  process.disconnect();
  return 0;
}

function parentPipe(): MessagePipe<FromWorker, ToWorker> {
  return {
    send: (message) => process.send?.(message),
    onMessage: (handler) => {
      process.on('message', handler);
    },
  };
}

/**
 * A trial must not outlive its search: the next one would run it a second time. The pipe tells,
 * and for a trial that never looks at the pipe a thread of its own looks at the parent.
 */
function dieWithParent(): void {
  const parent = Number(process.env[WORKER_VARIABLE]);
  process.on('disconnect', () => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  });
  const source = `setInterval(() => {
    if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL');
  }, 250);`;
  new Worker(source, { eval: true, execArgv: [], env: {} }).unref();
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}

function processTerminal(): Terminal {
  return {
    isTTY: false,
    columns: process.stdout.columns ?? 80,
    color: false,
    line: (text) => {
      process.stdout.write(`${text}\n`);
    },
    live: () => undefined,
  };
}

function processSignals(): Signals {
  return {
    on: (signal, handler) => {
      process.on(signal, handler);
      return () => process.off(signal, handler);
    },
  };
}
