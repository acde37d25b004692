import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../../errors.ts';
import { resolveDataPath } from '../datasets/dataPath.ts';
import { unreadable } from './randomAccessFile.ts';

/**
 * Absolute paths of patterns: braces (`{000..009}`, `{a,b}`) are written out, `*` and `?` stand for
 * what the last part of a path may hold. Results of a pattern are sorted by name.
 * @throws UsageError for a pattern or path without a file
 */
export function expandPaths(patterns: string | readonly string[]): string[] {
  return [patterns].flat().flatMap(expandBraces).flatMap(expandWildcards);
}

function expandBraces(pattern: string): string[] {
  const braces = /\{([^{}]*)\}/.exec(pattern);
  if (braces === null) return [pattern];
  const before = pattern.slice(0, braces.index);
  const after = pattern.slice(braces.index + braces[0].length);
  return choices(braces[1]).flatMap((choice) => expandBraces(before + choice + after));
}

function choices(text: string): string[] {
  const range = /^(\d+)\.\.(\d+)$/.exec(text);
  if (range === null) return text.split(',');
  const [from, to] = [Number(range[1]), Number(range[2])];
  if (to < from || to - from > 1_000_000) {
    throw new UsageError('ERR_DATA_FILE', `{${text}} is no range: expected {first..last}, rising.`);
  }
  return Array.from({ length: to - from + 1 }, (_, index) =>
    String(from + index).padStart(range[1].length, '0'),
  );
}

function expandWildcards(pattern: string): string[] {
  const last = basename(pattern);
  if (!/[*?]/.test(last)) return [resolveDataPath(pattern)];
  const folder = resolveDataPath(dirname(pattern));
  const matcher = new RegExp(
    `^${last
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
  );
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw unreadable(folder, cause);
  }
  const found = names.filter((name) => matcher.test(name)).sort();
  if (found.length > 0) return found.map((name) => join(folder, name));
  throw new UsageError('ERR_DATA_FILE', `No file of ${folder} matches "${last}".`);
}
