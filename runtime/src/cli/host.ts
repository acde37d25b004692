import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Signals } from '../core/ports.ts';
import { processSignals } from './processSignals.ts';
import { createTerminal, type ProcessTerminal } from './processTerminal.ts';

/** Everything that commands use of the process; replaced in tests. */
export interface Host {
  readonly terminal: ProcessTerminal;
  readonly signals: Signals;
  readonly env: Record<string, string | undefined>;
  readonly cwd: string;
  /** Path of the running script, for commands to paste. */
  readonly script: string | undefined;
  /** What followed the script on the command line; noted in the run's folder. */
  readonly args: readonly string[];
  /** Results: configurations, schemas, reports. */
  print(text: string): void;
  /** Errors and warnings. */
  warn(text: string): void;
}

/** The process itself. */
export function processHost(): Host {
  const { stdin, stdout, stderr, env } = process;
  for (const stream of [stdout, stderr]) stream.on('error', passOverLostReader);
  const terminal = createTerminal({ input: stdin, output: stdout, env });
  process.once('exit', () => {
    terminal.restore();
  });
  return {
    terminal,
    signals: processSignals,
    env,
    cwd: process.cwd(),
    script: process.argv.at(1),
    args: process.argv.slice(2),
    print: (text) => {
      stdout.write(`${text}\n`);
    },
    warn: (text) => {
      stderr.write(`${text}\n`);
    },
  };
}

/**
 * Ctrl-C ends `tee` behind a pipe before the run has saved, and a terminal may be closed: what
 * nobody reads any more is in the run's files, and no reason to lose the run.
 */
function passOverLostReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
}

/** The nearest folder at or above `from` that has a package.json; `from` itself without one. */
export function findProjectRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (dirname(folder) === folder) return from;
  }
}

/** The scripts of a project's package.json. */
export function projectScripts(root: string): Readonly<Record<string, string>> {
  try {
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    return (JSON.parse(text) as { scripts?: Record<string, string> }).scripts ?? {};
  } catch {
    return {};
  }
}
