import { isUsageError } from '../errors.ts';

/**
 * What a command's exit code means:
 * 0 finished, or paused or stopped by request, 1 an error, 2 the command line or configuration is wrong,
 * 130 / 143 / 129 interrupted by SIGINT / SIGTERM / SIGHUP (training was saved before).
 */
export const exitCodes = { finished: 0, error: 1, usage: 2 } as const;

/** The exit code of a command that ended with `error`. */
export function exitCodeOf(error: unknown): number {
  return isUsageError(error) ? exitCodes.usage : exitCodes.error;
}
