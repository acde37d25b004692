import { UsageError } from '../errors.ts';
import { formatOrigin, type Origin } from './node.ts';

/** One thing wrong with a configuration. */
export interface ConfigProblem {
  readonly code: string;
  readonly origin: Origin;
  /** Full dotted key; empty for a problem of the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** Every problem of a configuration in one error, so that one edit can mend them all. */
export class ConfigError extends UsageError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const codes = new Set(problems.map(({ code }) => code));
    super(codes.size === 1 ? [...codes][0] : 'ERR_CONFIG_INVALID', formatProblems(problems));
    // Recognised by name, see isUsageError.
    this.name = 'UsageError';
    this.problems = problems;
  }
}

/** Throws when there is anything in `problems`. */
export function throwProblems(problems: readonly ConfigProblem[]): void {
  if (problems.length > 0) throw new ConfigError(problems);
}

function formatProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.map(formatProblem);
  if (lines.length === 1) return lines[0];
  return [`${String(lines.length)} problems in the configuration:`, ...lines]
    .map((line, index) => (index === 0 ? line : `  ${line}`))
    .join('\n');
}

function formatProblem({ origin, key, message }: ConfigProblem): string {
  const where = origin.kind === 'default' ? [] : [formatOrigin(origin)];
  const name = key === '' || (origin.kind === 'cli' && origin.flag === `--${key}`) ? [] : [key];
  return [...where, ...name, message].join(': ');
}
