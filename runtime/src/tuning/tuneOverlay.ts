import { stringify } from 'yaml';
import { isClassNode, nodeAt, type ConfigNode } from '../config/node.ts';
import type { PreparedConfig } from '../config/prepare.ts';
import { didYouMean, UsageError } from '../errors.ts';

/** Where a value is looked for when nobody says: below the arguments of a section. */
interface Candidates {
  readonly section: 'model' | 'data';
  readonly names: readonly string[];
}

export const lrCandidates: Candidates = { section: 'model', names: ['learning_rate', 'lr'] };

export const batchSizeCandidates: Candidates = { section: 'data', names: ['batch_size'] };

/**
 * The full path of the value that is tuned.
 * @param key as given, `init_args` may be left out; undefined takes the first candidate there is
 * @throws UsageError ERR_TUNE_KEY when the configuration has no such number
 */
export function tunedPath(
  config: PreparedConfig,
  key: string | undefined,
  { section, names }: Candidates,
): string[] {
  const tried = key === undefined ? names.map((name) => [section, name]) : [key.split('.')];
  for (const path of tried) {
    const full = fullPath(config.tree, path);
    const node = nodeAt(config.tree, full);
    if (node?.kind === 'scalar' && typeof node.value === 'number') return full;
  }
  const known = numbersBelow(nodeAt(config.tree, [section]), [section]);
  const wanted = tried.map((path) => path.join('.')).join(' or ');
  const list = known.length === 0 ? 'none' : known.join(', ');
  throw new UsageError(
    'ERR_TUNE_KEY',
    `the configuration has no number at ${wanted}.${key === undefined ? '' : didYouMean(key, known)} ` +
      `Name it with --key. Numbers there are: ${list}.`,
  );
}

function fullPath(tree: ConfigNode, path: readonly string[]): string[] {
  let full: string[] = [];
  for (const key of path) {
    const inside =
      isClassNode(nodeAt(tree, full)) || (full.length === 1 && hasArguments(tree, full));
    const skips = inside && key !== 'class_path' && key !== 'init_args';
    full = skips ? [...full, 'init_args', key] : [...full, key];
  }
  return full;
}

/** A section whose class is given in code has arguments but no class path. */
function hasArguments(tree: ConfigNode, path: readonly string[]): boolean {
  return nodeAt(tree, [...path, 'init_args'])?.kind === 'map';
}

function numbersBelow(node: ConfigNode | undefined, path: readonly string[]): string[] {
  if (node?.kind === 'scalar') return typeof node.value === 'number' ? [path.join('.')] : [];
  if (node?.kind !== 'map') return [];
  return [...node.entries].flatMap(([key, entry]) =>
    numbersBelow(entry.node, key === 'init_args' ? path : [...path, key]),
  );
}

/** A configuration file that sets one value, with a comment that says where it comes from. */
export function overlayYaml(
  path: readonly string[],
  value: number,
  comment: readonly string[],
): string {
  const nested = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  return `${comment.map((line) => `# ${line}\n`).join('')}${stringify(nested)}`;
}
