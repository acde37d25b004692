/** Base of every error this package throws on purpose; `code` is stable, the message is prose. */
export class LightboxError extends Error {
  readonly code: string;

  /**
   * @param code stable identifier such as `ERR_CHECKPOINT_CORRUPT`; tests and callers match on it
   * @param message where, what was expected, which value came, and the way out
   */
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A mistake the user can correct (config, flags, data, a file): shown without a stack trace. */
export class UsageError extends LightboxError {}

/** True for errors whose message alone is meant for the user. */
export function isUsageError(error: unknown): error is UsageError {
  // By shape, not by instanceof: two copies of the package must still understand each other.
  return error instanceof Error && 'code' in error && error.name === 'UsageError';
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The candidate closest to `name` by edit distance, or undefined when none is near enough
 * (at most a third of the letters changed, at least two allowed).
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    // As many letters must be added or taken away at least.
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/** ` Did you mean "x"?` for error messages, or an empty string. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const candidate = nearest(name, candidates);
  return candidate === undefined ? '' : ` Did you mean "${candidate}"?`;
}

/** Letters to change, add or take away to make one of the other. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = previous[column - 1] + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[column] + 1, current[column - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}
