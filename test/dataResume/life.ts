import { spawn } from 'node:child_process';

/** Workers and prefetch of the consecutive lives of a killed process. */
export const settings = [
  [0, 2],
  [1, 1],
  [2, 8],
  [3, 2],
  [1, 8],
] as const;

/** A process that is going to be killed. */
export interface Life {
  /** Exit code or signal. */
  readonly ended: Promise<number | string>;
  kill(): void;
  over(): boolean;
}

/** Runs a TypeScript file; its errors are seen, its output is not. */
export function startLife(script: string, values: readonly (string | number)[]): Life {
  const run = spawn(process.execPath, ['--import', 'tsx', script, ...values.map(String)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let over = false;
  const ended = new Promise<number | string>((resolve, reject) => {
    run.on('error', reject);
    run.on('close', (code, signal) => {
      over = true;
      resolve(code ?? signal ?? 1);
    });
  });
  return { ended, kill: () => run.kill('SIGKILL'), over: () => over };
}
