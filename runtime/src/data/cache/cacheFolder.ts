import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { env as processEnv } from 'node:process';

/** Where cached data goes and what decided it. */
export interface CacheFolder {
  /** The folder that holds our entries; nothing outside it is ever written or removed. */
  readonly path: string;
  /** `LIGHTBOX_CACHE`, another variable, `folder` or `the home folder`. */
  readonly from: string;
}

/** Our part of a folder that other programs may use too. */
const ownName = 'lightbox-data';

/**
 * The first of: `folder`, `LIGHTBOX_CACHE`, `HF_DATASETS_CACHE`, `HF_HOME`/datasets,
 * `XDG_CACHE_HOME`/huggingface/datasets, `~/.cache/huggingface/datasets`; in it, a folder of ours.
 */
export function cacheFolder(
  folder?: string | null,
  env: Readonly<Record<string, string | undefined>> = processEnv,
  home: string = homedir(),
): CacheFolder {
  const variable = (name: string, ...below: string[]): CacheFolder | undefined => {
    const value = env[name];
    return value === undefined || value === '' ? undefined : own(join(value, ...below), name);
  };
  if (folder !== undefined && folder !== null) return own(folder, 'the option "folder"');
  return (
    variable('LIGHTBOX_CACHE') ??
    variable('HF_DATASETS_CACHE') ??
    variable('HF_HOME', 'datasets') ??
    variable('XDG_CACHE_HOME', 'huggingface', 'datasets') ??
    own(join(home, '.cache', 'huggingface', 'datasets'), 'the home folder')
  );
}

/** The variable that limits the cache's size, or undefined when it is not set. */
export function cacheLimitVariable(
  env: Readonly<Record<string, string | undefined>> = processEnv,
): string | undefined {
  const value = env.LIGHTBOX_CACHE_LIMIT;
  return value === '' ? undefined : value;
}

function own(folder: string, from: string): CacheFolder {
  return { path: resolve(folder, ownName), from };
}
