import { didYouMean, UsageError } from '../errors.ts';

/** What values an option takes, and the same in words. */
export interface OptionCheck {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

/**
 * Refuses options that are not known, have a wrong value, or are missing.
 * @param what such as `sampler "grid"`
 * @param checks one for each option there is
 * @param required options that have no default
 * @throws UsageError `ERR_HPO_SAMPLER` or `ERR_HPO_PRUNER`, naming the option and what it takes
 */
export function checkOptions<T extends object>(
  kind: 'sampler' | 'pruner',
  name: string,
  options: T,
  checks: Readonly<Record<keyof T, OptionCheck>>,
  required: readonly (keyof T & string)[] = [],
): void {
  const fail = (problem: string): never => {
    throw new UsageError(`ERR_HPO_${kind.toUpperCase()}`, `${kind} "${name}": ${problem}`);
  };
  const known = Object.keys(checks);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, key)) {
      const list = known.length === 0 ? 'It has no options' : `Its options: ${known.join(', ')}`;
      fail(`unknown option "${key}".${didYouMean(key, known)} ${list}`);
    }
    const { accepts, expected } = checks[key as keyof T];
    if (value !== undefined && !accepts(value)) {
      fail(`${key} must be ${expected}, got ${textOf(value)}`);
    }
  }
  for (const key of required) {
    if (options[key] === undefined) fail(`${key} is missing; it must be ${checks[key].expected}`);
  }
}

/** A whole number from `low` on. */
export function whole(low: number): OptionCheck {
  return {
    expected: `at least ${low} (a whole number)`,
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= low,
  };
}

/** A number of [low, high]. */
export function within(low: number, high = Infinity): OptionCheck {
  return {
    expected: high === Infinity ? `at least ${low}` : `from ${low} to ${high}`,
    accepts: (value) => typeof value === 'number' && value >= low && value <= high,
  };
}

/** Any number but NaN. */
export const anyNumber: OptionCheck = {
  expected: 'a number',
  accepts: (value) => typeof value === 'number' && !Number.isNaN(value),
};

export const flag: OptionCheck = {
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

export function oneOf(...values: readonly unknown[]): OptionCheck {
  return {
    expected: values.map((value) => JSON.stringify(value)).join(' or '),
    accepts: (value) => values.includes(value),
  };
}

/** What either of both takes. */
export function either(one: OptionCheck, other: OptionCheck): OptionCheck {
  return {
    expected: `${one.expected} or ${other.expected}`,
    accepts: (value) => one.accepts(value) || other.accepts(value),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
}
