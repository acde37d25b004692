import { UsageError } from '../errors.ts';
import type { Plain } from '../hpo/plain.ts';
import type { ConfigPatch } from '../hpo/searchSpace.ts';

/** Dotted paths and their values as nested data; `a.b: 1` becomes `{a: {b: 1}}`. */
export function nestPatch(patch: ConfigPatch): Record<string, Plain> {
  const root: Record<string, Plain> = {};
  for (const [path, value] of Object.entries(patch)) {
    const keys = splitPath(path);
    let level = root;
    for (const key of keys.slice(0, -1)) {
      const below = level[key] as Plain | undefined;
      if (below !== undefined && !isMap(below)) throw conflict(path);
      const next: Record<string, Plain> = below ?? {};
      level[key] = next;
      level = next;
    }
    const last = keys[keys.length - 1];
    if (Object.hasOwn(level, last)) throw conflict(path);
    level[last] = value;
  }
  return root;
}

/** The keys of a dotted path. @throws UsageError ERR_HPO_PATH for an empty or unsafe key */
export function splitPath(path: string): string[] {
  const keys = path.split('.');
  if (keys.some((key) => key === '' || key === '__proto__')) {
    const message = `"${path}" is not a dotted path of the configuration, such as model.hidden_dim`;
    throw new UsageError('ERR_HPO_PATH', message);
  }
  return keys;
}

/** The value at a dotted path, undefined when there is none. */
export function valueAt(config: Plain, path: string): Plain | undefined {
  let value: Plain | undefined = config;
  for (const key of splitPath(path)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, Plain>>)[key];
  }
  return value;
}

function isMap(value: Plain): value is Record<string, Plain> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function conflict(path: string): UsageError {
  return new UsageError('ERR_HPO_PATH', `"${path}" is set together with a path above or below it`);
}
