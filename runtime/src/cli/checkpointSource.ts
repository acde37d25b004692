import * as fs from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { checkpointsFolder, resolveCheckpoint } from '../checkpoint/index.ts';
import { loadConfig, type ConfigLayers } from '../config/loadConfig.ts';
import { nodeAt } from '../config/node.ts';
import { ConfigError } from '../config/problems.ts';
import { UsageError } from '../errors.ts';

/**
 * The checkpoint that a path means: a file is itself; the folder of a run, its checkpoints folder
 * or the folder above several runs means the last checkpoint of the (newest) run in it.
 * @param path relative to `cwd` or absolute
 * @returns an absolute path; not looked at when it is no folder
 * @throws UsageError ERR_CHECKPOINT_MISSING for a folder without a run
 */
export async function checkpointAt(path: string, cwd: string): Promise<string> {
  if (/^[a-z]\w*:\/\//i.test(path)) {
    throw new UsageError(
      'ERR_CHECKPOINT_MISSING',
      `${path} is an address, and checkpoints are read from files: download it and give its path.`,
    );
  }
  const absolute = resolve(cwd, path);
  if (!(await isFolder(absolute))) return absolute;
  return lastOf(await newestRun(absolute, `${path} holds`), cwd);
}

/**
 * What to resume, before any configuration is read: `last` and `best` are those of the newest run
 * below `root`, anything else is a path, see `checkpointAt`.
 * @param say told when damaged files were passed over
 * @throws UsageError ERR_CHECKPOINT_MISSING, ERR_CHECKPOINT_AMBIGUOUS
 */
export async function resumeSource(
  source: string,
  root: string,
  cwd: string,
  say?: (notice: string) => void,
): Promise<string> {
  if (source !== 'last' && source !== 'best') return checkpointAt(source, cwd);
  const run = await newestRun(resolve(cwd, root), `"${source}": ${root} holds`);
  return source === 'last' ? lastOf(run, cwd, say) : resolveCheckpoint(source, run);
}

/**
 * The folder in which `last` and `best` are looked for before any checkpoint is read: what files,
 * variables and flags say, `runs` where they say nothing.
 */
export function runsRoot(layers: ConfigLayers): string {
  try {
    const node = nodeAt(loadConfig(layers), ['trainer', 'default_root_dir']);
    return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : 'runs';
  } catch (error) {
    // A file that refers to what is in the checkpoint; other problems are reported with that.
    if (error instanceof ConfigError) return 'runs';
    throw error;
  }
}

/**
 * The run in or below `folder` whose `part` was written last.
 * @throws UsageError ERR_CHECKPOINT_MISSING when there is none
 */
export async function newestRunIn(folder: string, part: string, cwd: string): Promise<string> {
  return newestRun(resolve(cwd, folder), `${folder} holds`, part);
}

async function lastOf(run: string, cwd: string, say?: (notice: string) => void): Promise<string> {
  const folder = join(run, checkpointsFolder);
  if (await isFolder(folder)) return resolveCheckpoint('last', run, say);
  throw noCheckpoint(relative(cwd, run) || run);
}

/** The run in `folder` or the newest below it, by when its `part` was last written. */
async function newestRun(folder: string, what: string, part = checkpointsFolder): Promise<string> {
  if (basename(folder) === checkpointsFolder) return dirname(folder);
  const runs = await runsBelow(folder, part, 2);
  const newest = runs.toSorted((a, b) => b.time - a.time).at(0);
  if (newest !== undefined) return newest.path;
  throw new UsageError(
    'ERR_CHECKPOINT_MISSING',
    `${what} no run with ${part}. Give the folder of a run, such as runs/<name>/version_0, or a file.`,
  );
}

async function runsBelow(
  folder: string,
  part: string,
  depth: number,
): Promise<{ path: string; time: number }[]> {
  const own = await fs.stat(join(folder, part)).catch(() => null);
  if (own !== null) return [{ path: folder, time: own.mtimeMs }];
  if (depth === 0) return [];
  const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory());
  const found = folders.map(({ name }) => runsBelow(join(folder, name), part, depth - 1));
  return (await Promise.all(found)).flat();
}

async function isFolder(path: string): Promise<boolean> {
  return (await fs.stat(path).catch(() => null))?.isDirectory() === true;
}

function noCheckpoint(run: string): UsageError {
  return new UsageError('ERR_CHECKPOINT_MISSING', `${run} has saved no checkpoint yet.`);
}
