import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { FromWorker, MessagePipe, ToWorker } from '../tuning/messages.ts';
import type { HpoOptions } from '../tuning/runSearch.ts';
import type { TrainingSide } from '../tuning/trainingSide.ts';
import { serveTrial } from '../tuning/trialWorker.ts';
import { exitCodeOf, exitCodes } from './exitCodes.ts';
import { type Host, processHost } from './host.ts';
import { reportError } from './reportError.ts';

/** In the environment of a trial's process: the process id of its coordinator. */
const PARENT_VARIABLE = 'LIGHTBOX_HPO_PARENT';

/**
 * The whole of a project's `scripts/hpo.ts`: searches for hyper-parameters as the command line
 * says and, started again by itself as a child process, runs one trial. Sets the exit code: 0 when
 * the study has its trials, 130 when it was stopped before, 3 when the time was over before, 1 when
 * all its trials failed the same way.
 *
 * ```ts
 * import { runHpo } from 'lightbox-runtime';
 * import { config } from '../src/hpo/config.ts';
 * import { searchSpace } from '../src/hpo/searchSpace.ts';
 *
 * await runHpo({ searchSpace, config, configFiles: ['configs/net.yaml'] });
 * ```
 *
 * @param side what trains; default: the trainer, by the path that `fit` takes
 */
export async function runHpo(options: HpoOptions, side?: TrainingSide): Promise<void> {
  const host = processHost();
  try {
    process.exitCode = await start(options, host, side ?? (await trainerSide(host)));
  } catch (error) {
    host.terminal.restore();
    reportError(error, host);
    process.exitCode = exitCodeOf(error);
  } finally {
    host.terminal.restore();
  }
}

/** Loaded when it is needed: the search itself works without tensors. */
async function trainerSide(host: Host): Promise<TrainingSide> {
  const { hpoTraining } = await import('./hpoTraining.ts');
  return hpoTraining(host);
}

async function start(options: HpoOptions, host: Host, side: TrainingSide): Promise<number> {
  const parent = host.env[PARENT_VARIABLE];
  if (parent !== undefined) return work(side, Number(parent));
  // A trial's process starts faster without the search.
  const { runSearch } = await import('../tuning/runSearch.ts');
  return runSearch(options, {
    args: process.argv.slice(2),
    terminal: host.terminal,
    signals: host.signals,
    cores: availableParallelism(),
    side,
    worker: {
      script: process.argv[1],
      execArgv: process.execArgv,
      args: [],
      env: { ...host.env, [PARENT_VARIABLE]: String(process.pid) },
    },
  });
}

async function work(side: TrainingSide, parent: number): Promise<number> {
  // The search may have ended while this process was still loading.
  if (!process.connected) return exitCodes.error;
  dieWithParent(parent);
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
function dieWithParent(parent: number): void {
  process.on('disconnect', () => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  });
  const source = `setInterval(() => {
    if (process.ppid !== ${String(parent)}) process.kill(process.pid, 'SIGKILL');
  }, 250);`;
  new Worker(source, { eval: true, execArgv: [], env: {} }).unref();
}
