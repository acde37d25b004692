import type { HpoConfig } from '../hpo/hpoConfig.ts';

/** How often a failed trial is continued from its checkpoint, by the kind of its failure. */
export type Retries = NonNullable<HpoConfig['retries']>;

/** Why a trial has no value. */
export interface TrialFailure {
  readonly kind: keyof Retries;
  readonly message: string;
}

/** The text that is stored with the trial: `failed:nan: val/loss was NaN at update 40`. */
export function failureText(failure: TrialFailure): string {
  return `failed:${failure.kind}: ${failure.message}`;
}

/**
 * A process that was killed from outside says nothing against its trial; everything else would
 * most likely happen again.
 */
export function retriesOf(kind: TrialFailure['kind'], retries: Retries): number {
  return retries[kind] ?? (kind === 'signal' ? 2 : 0);
}

/** Whether a process, or the error that ended it, speaks of memory that was not to be had. */
export function isOutOfMemory(text: string): boolean {
  return /JavaScript heap out of memory|(Array buffer|memory) allocation failed|(cannot|failed to) allocate memory|std::bad_alloc/i.test(
    text,
  );
}

/**
 * Why a process that ended without an answer did so.
 * @param output the end of what it printed
 */
export function failureOfExit(
  code: number | null,
  signal: string | null,
  output: string,
): TrialFailure {
  const tail = output.trim().split('\n').slice(-3).join('\n').slice(-500);
  const printed = tail === '' ? '' : `; it printed last: ${tail}`;
  if (isOutOfMemory(output)) {
    return { kind: 'oom', message: `out of memory${printed}` };
  }
  if (signal !== null) {
    const hint = signal === 'SIGKILL' ? ' (by somebody, or by the system for want of memory)' : '';
    return { kind: 'signal', message: `killed by ${signal}${hint}${printed}` };
  }
  return { kind: 'exit', message: `exited with code ${code ?? 'unknown'}${printed}` };
}
