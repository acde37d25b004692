import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { failureOfExit, type TrialFailure } from './failure.ts';
import { rememberProcess } from './orphan.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { TrialOutcome, TrialTask } from './trialRunner.ts';

/** How to start a child process that serves trials. */
export interface WorkerCommand {
  readonly script: string;
  readonly execArgv: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What became of a trial's process. */
export type ProcessResult =
  | { readonly type: 'ended'; readonly outcome: TrialOutcome }
  | { readonly type: 'failed'; readonly failure: TrialFailure }
  | { readonly type: 'stopped' };

/** The child's output goes here, in the trial's folder. */
export const OUTPUT_FILE = 'output.log';

const PRUNE_GRACE_MS = 60_000;
const EXIT_GRACE_MS = 10_000;

/** A trial in a process of its own: whatever happens there costs this trial and nothing else. */
export class TrialProcess {
  readonly result: Promise<ProcessResult>;
  readonly #child: ChildProcess;
  readonly #outputPath: string;
  readonly #outputStart: number;
  #settled = false;
  #answer: ProcessResult | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param onReport answers each report; its rejection ends the process and the result
   * @param timeoutMs null for no limit
   */
  constructor(
    command: WorkerCommand,
    task: TrialTask,
    timeoutMs: number | null,
    onReport: (value: number, step: number) => Promise<'continue' | 'prune'>,
  ) {
    this.#outputPath = join(task.runDir, OUTPUT_FILE);
    // A continued trial adds to what it printed before.
    this.#outputStart = existsSync(this.#outputPath) ? statSync(this.#outputPath).size : 0;
    const output = openSync(this.#outputPath, 'a');
    this.#child = fork(command.script, [...command.args], {
      execArgv: [...command.execArgv],
      env: { ...command.env },
      stdio: ['ignore', output, output, 'ipc'],
      // Ctrl-C is for the coordinator, which decides what it means for a trial.
      detached: true,
    });
    closeSync(output);
    this.#remember(task.runDir);
    this.result = new Promise((resolve, reject) => {
      const settle = (result: ProcessResult): void => {
        this.#settled = true;
        clearTimeout(this.#timer);
        resolve(result);
      };
      this.#child.on('message', (message: FromWorker) => {
        this.#receive(message, task, onReport).catch((error: unknown) => {
          this.kill();
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      });
      this.#child.on('error', (error) => {
        settle({ type: 'failed', failure: { kind: 'exit', message: error.message } });
      });
      this.#child.on('close', (code, signal) => {
        settle(this.#answer ?? { type: 'failed', failure: this.#failureOf(code, signal) });
      });
    });
    if (timeoutMs !== null) this.#expire(timeoutMs);
  }

  /** A process that nobody could find again must not run. */
  #remember(runDir: string): void {
    try {
      rememberProcess(runDir, this.#child.pid);
    } catch (error) {
      this.#child.on('error', () => undefined);
      this.#child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks the trial to save a checkpoint and end. */
  pause(): void {
    this.#send({ type: 'pause' });
  }

  /** Ends the process at once; the trial can be continued later. */
  kill(): void {
    if (this.#settled) return;
    this.#answer = { type: 'stopped' };
    this.#child.kill('SIGKILL');
  }

  async #receive(
    message: FromWorker,
    task: TrialTask,
    onReport: (value: number, step: number) => Promise<'continue' | 'prune'>,
  ): Promise<void> {
    if (message.type === 'ready') this.#send({ type: 'trial', task });
    if (message.type === 'ended') this.#close({ type: 'ended', outcome: message.outcome });
    if (message.type === 'failed') {
      const { kind, message: text } = message;
      this.#close({ type: 'failed', failure: { kind, message: text } });
    }
    if (message.type !== 'report') return;
    const verdict = await onReport(Number(message.value), message.step);
    this.#send({ type: 'verdict', id: message.id, verdict });
    if (verdict === 'prune') this.#expire(PRUNE_GRACE_MS);
  }

  /** Something of the child may keep it from exiting; its answer is what counts. */
  #close(answer: ProcessResult): void {
    this.#answer = answer;
    this.#expire(EXIT_GRACE_MS);
  }

  #expire(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const message = `still running after ${milliseconds / 1000} s`;
      this.#answer ??= { type: 'failed', failure: { kind: 'timeout', message } };
      this.#child.kill('SIGKILL');
    }, milliseconds);
  }

  #send(message: ToWorker): void {
    // A child that has just died is noticed by its exit.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #failureOf(code: number | null, signal: NodeJS.Signals | null): TrialFailure {
    let output = '';
    try {
      const printed = readFileSync(this.#outputPath).subarray(this.#outputStart);
      output = printed.toString('utf8').slice(-20_000);
    } catch {
      // Without its output the exit code has to do.
    }
    return failureOfExit(code, signal, output);
  }
}
