import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import { didYouMean, messageOf } from '../errors.ts';
import { areaNames, insteadOf, loadArea } from './registry.ts';
import { isSchema } from './schemaKind.ts';
import { translateClassPath } from './translateClassPath.ts';

/** A class that configurations may name; its constructor takes one options object. */
export type ConstructibleClass = (new (options: never) => object) & {
  readonly schema?: z.ZodType;
};

/** How to load what configurations name. */
export interface ClassSource {
  /** Folder that `./src/...` starts from. */
  readonly projectRoot: string;
  /** Default: native import, by whatever loader runs the process. */
  readonly importModule?: (url: string) => Promise<object>;
}

export type LoadedClass =
  { readonly type: ConstructibleClass; readonly path: string } | { readonly problem: string };

/**
 * The class behind a `class_path`: `lightbox.callbacks.EarlyStopping` (or its short name where
 * `area` says which), `./src/models/net.ts#Net`, `package#Export`.
 * @returns the class, or in words why there is none and what there is
 */
export async function loadClass(
  classPath: string,
  source: ClassSource,
  area?: string,
): Promise<LoadedClass> {
  if (classPath.startsWith('lightbox.')) return fromRegistry(classPath);
  if (classPath.includes('#')) return fromModule(classPath, source);
  const translated = translateClassPath(classPath);
  if (translated !== undefined) return { problem: translated.advice };
  if (/^\.{0,2}\//.test(classPath)) {
    const problem = `name the export of that file after "#", such as "${classPath}#MyClass"`;
    return { problem };
  }
  if (area !== undefined && !classPath.includes('.')) {
    return fromRegistry(`lightbox.${area}.${classPath}`);
  }
  return {
    problem:
      `"${classPath}" is not a class path. Write "lightbox.<area>.<Name>" for classes of the ` +
      `runtime, "./src/file.ts#Name" for the project's own, "package#Name" for a package's`,
  };
}

async function fromRegistry(classPath: string): Promise<LoadedClass> {
  const [, area = '', ...rest] = classPath.split('.');
  const name = rest.join('.');
  if (!areaNames.includes(area)) {
    const list = areaNames.map((known) => `lightbox.${known}`).join(', ');
    return {
      problem: `there is no lightbox.${area}.${didYouMean(area, areaNames)} There are: ${list}`,
    };
  }
  const classes = await loadArea(area);
  const type = classes.get(name);
  if (type !== undefined) return { type, path: classPath };
  const instead = insteadOf(area, name);
  if (instead !== undefined) return { problem: `${name} is not in this version: ${instead}` };
  const near = didYouMean(name, classes.keys());
  const list = [...classes.keys()].join(', ');
  return { problem: `lightbox.${area} has no "${name}".${near} It has: ${list}` };
}

async function fromModule(classPath: string, source: ClassSource): Promise<LoadedClass> {
  const hash = classPath.lastIndexOf('#');
  const [specifier, name] = [classPath.slice(0, hash), classPath.slice(hash + 1)];
  const located = isPath(specifier)
    ? locateFile(specifier, source.projectRoot)
    : locatePackage(specifier, source.projectRoot);
  if (typeof located === 'object') return located;
  let exports: Record<string, unknown>;
  try {
    const load = source.importModule ?? ((url: string): Promise<object> => import(url));
    exports = (await load(located)) as Record<string, unknown>;
  } catch (error) {
    return importFailed(specifier, error);
  }
  return pickExport(exports, name, classPath);
}

function pickExport(exports: Record<string, unknown>, name: string, path: string): LoadedClass {
  const file = path.slice(0, path.lastIndexOf('#'));
  const value = Object.hasOwn(exports, name) ? exports[name] : undefined;
  if (value === undefined) {
    const names = Object.keys(exports);
    const list = names.length === 0 ? 'nothing' : names.join(', ');
    return {
      problem: `${file} has no export "${name}".${didYouMean(name, names)} It exports: ${list}`,
    };
  }
  if (typeof value !== 'function') {
    const classes = Object.keys(exports).filter((key) => typeof exports[key] === 'function');
    const list = classes.length === 0 ? 'none' : classes.join(', ');
    const problem = `the export "${name}" of ${file} is not a class but ${typeof value}. It exports: ${list}`;
    return { problem };
  }
  const type = value as ConstructibleClass;
  if (type.schema !== undefined && !isSchema(type.schema)) {
    return { problem: `the static schema of ${name} in ${file} is not a zod 4 schema` };
  }
  return { type, path };
}

function isPath(specifier: string): boolean {
  return /^\.{0,2}\//.test(specifier) || /^[A-Za-z]:[\\/]/.test(specifier);
}

function locateFile(specifier: string, root: string): string | { problem: string } {
  const path = resolve(root, specifier);
  if (existsSync(path)) return pathToFileURL(path).href;
  const folder = dirname(path);
  if (!existsSync(folder))
    return { problem: `there is no folder ${folder}; write the path from ${root}` };
  const names = readdirSync(folder);
  const suggestion = didYouMean(basename(path), names);
  const list = names.length === 0 ? 'nothing' : names.slice(0, 20).join(', ');
  return { problem: `there is no file ${path}.${suggestion} The folder holds: ${list}` };
}

function locatePackage(specifier: string, root: string): string | { problem: string } {
  try {
    const resolved = createRequire(join(root, 'package.json')).resolve(specifier);
    return resolved.startsWith('/') || /^[A-Za-z]:/.test(resolved)
      ? pathToFileURL(resolved).href
      : resolved;
  } catch (error) {
    // Packages for import only refuse require: the plain name finds them beside the runtime.
    if ((error as { code?: string }).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return specifier;
    return { problem: `there is no package "${specifier}". Run: npm install ${specifier}` };
  }
}

/** A module that was found but throws while loading: the project's own bug, so keep its message. */
function importFailed(specifier: string, error: unknown): { problem: string } {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const name = basename(specifier);
  const at = stack
    .split('\n')
    .find((line) => /^\s+at /.test(line) && (line.includes('file://') || line.includes(name)));
  const place = at === undefined ? '' : ` (${at.trim()})`;
  return { problem: `${specifier} could not be loaded: ${messageOf(error)}${place}` };
}
