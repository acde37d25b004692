/** Why a trial has no value. */
export interface TrialFailure {
  readonly kind: 'nan' | 'exception' | 'exit' | 'signal' | 'oom' | 'timeout' | 'no-metric';
  readonly message: string;
}

/** The text that is stored with the trial: `failed:nan: val/loss was NaN at update 40`. */
export function failureText(failure: TrialFailure): string {
  return `failed:${failure.kind}: ${failure.message}`;
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
  if (/JavaScript heap out of memory|Cannot allocate memory|std::bad_alloc/.test(output)) {
    return { kind: 'oom', message: `out of memory${printed}` };
  }
  if (signal !== null) {
    const hint = signal === 'SIGKILL' ? ' (by somebody, or by the system for want of memory)' : '';
    return { kind: 'signal', message: `killed by ${signal}${hint}${printed}` };
  }
  return { kind: 'exit', message: `exited with code ${code ?? 'unknown'}${printed}` };
}
