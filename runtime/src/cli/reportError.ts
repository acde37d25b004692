import { isUsageError, LightboxError, messageOf } from '../errors.ts';
import type { Host } from './host.ts';

/** Prints an error the way its kind deserves. */
export function reportError(error: unknown, host: Host): void {
  if (isUsageError(error)) {
    host.warn(`error: ${error.message}`);
    return;
  }
  // An error that names the place of another: where that one came from is what helps.
  if (error instanceof LightboxError && error.cause instanceof Error) {
    host.warn(`error: ${error.message}\n${frames(error.cause)}`);
    return;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  const hint =
    error instanceof LightboxError
      ? ''
      : '\nThis was not expected. The first line of the stack inside your project shows where; ' +
        'npm run doctor reports about this machine.';
  host.warn(`error: ${stack}${hint}`);
}

/** The stack without the message, which may have several lines. */
function frames({ stack = '' }: Error): string {
  return stack.slice(Math.max(0, stack.search(/^\s+at /m)));
}
