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

/** More problems than this are one mistake with many consequences. */
const maxShown = 20;

/** Longer keys are cut: their beginning says which they are. */
const maxKey = 200;

function formatProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, maxShown).map(formatProblem);
  if (problems.length === 1) return lines[0];
  if (problems.length > maxShown) lines.push(`... and ${String(problems.length - maxShown)} more`);
  return [`${String(problems.length)} problems in the configuration:`, ...lines]
    .map((line, index) => (index === 0 ? line : `  ${line}`))
    .join('\n');
}

function formatProblem({ origin, key, message }: ConfigProblem): string {
  const where = origin.kind === 'default' ? [] : [formatOrigin(origin)];
  const shown = key.length > maxKey ? `${key.slice(0, maxKey)}...` : key;
  const name = key === '' || (origin.kind === 'cli' && origin.flag === `--${key}`) ? [] : [shown];
  const words = message.replace(/\S{300,}/g, (long) => `${long.slice(0, 100)}...`);
  return [...where, ...name, words].join(': ');
}
