import { stringify } from 'yaml';
import { UsageError } from '../errors.ts';
import type { Plain } from '../hpo/plain.ts';
import type { ConfigPatch, FrozenConfig } from '../hpo/searchSpace.ts';
import { nestPatch, splitPath } from './configPaths.ts';
import type { HpoConfig } from '../hpo/hpoConfig.ts';

/**
 * The overlay that turns the base configuration into the best trial's, as YAML. Numbers keep all
 * their digits, so a training with it is the trial again.
 */
export function bestYaml(header: readonly string[], patch: ConfigPatch): string {
  const comment = header.map((line) => `# ${line}\n`).join('');
  const nested = nestPatch(patch);
  return (
    comment + (Object.keys(nested).length === 0 ? '{}\n' : stringify(nested, { lineWidth: 0 }))
  );
}

/** The patch without what the project excludes, under the paths that a YAML overlay needs. */
export function exportedPatch(
  patch: ConfigPatch,
  base: FrozenConfig,
  excluded: readonly string[] = [],
): ConfigPatch {
  const left = new Set(excluded.map((path) => writtenPath(path, base)));
  const paths = Object.entries(patch).map(
    ([path, value]) => [writtenPath(path, base), value] as const,
  );
  return Object.fromEntries(paths.filter(([path]) => !left.has(path)));
}

/**
 * Refuses excluded paths that no trial could set: they would be excluded in vain.
 * @param searched what the search space sets, once for the middle of it
 */
export function checkExcluded(config: HpoConfig, searched: ConfigPatch, base: FrozenConfig): void {
  const known = Object.keys(searched).map((path) => writtenPath(path, base));
  for (const path of config.excludedParams ?? []) {
    if (known.includes(writtenPath(path, base))) continue;
    throw new UsageError(
      'ERR_HPO_EXCLUDED',
      `excludedParams: "${path}" is not among what the search space sets: ${Object.keys(searched).join(', ')}`,
    );
  }
}

/** `npm run train -- ...` with everything quoted for a shell. */
export function trainCommand(configFiles: readonly string[], overrides: readonly string[]): string {
  const files = configFiles.flatMap((file) => ['--config', file]);
  const dotted = overrides.map((override) => `--${override}`);
  return ['npm', 'run', 'train', '--', ...files, ...dotted].map(shellQuoted).join(' ');
}

/** `path=value` so that the command line reads the very value: the text "1" keeps its quotes. */
export function overrideText(path: string, value: Plain): string {
  return `${path}=${stringify(value, { lineWidth: 0, collectionStyle: 'flow' }).trim()}`;
}

/** The text as one word of a POSIX shell. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The path as it stands in a file: dotted paths may leave out `init_args` (`model.hidden_dim`),
 * YAML below the sections `model` and `data` too, but not deeper down.
 */
function writtenPath(path: string, base: FrozenConfig): string {
  const written: string[] = [];
  let level: Plain | undefined = base;
  for (const key of splitPath(path)) {
    if (isClass(level) && key !== 'class_path' && key !== 'init_args') {
      written.push('init_args');
      level = below(level, 'init_args');
    }
    written.push(key);
    level = below(level, key);
  }
  return written.join('.');
}

function isClass(value: Plain | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'class_path');
}

function below(value: Plain | undefined, key: string): Plain | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, Plain>>)[key];
}
