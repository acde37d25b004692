import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';

const prefix = 'package:';

/**
 * Turns a path of a config into an absolute one. `package:<name>/<file>` is a file inside an
 * installed npm package, looked for in the `node_modules` of `root` and the folders above it.
 * @param root the project folder; default: the working directory
 * @throws UsageError naming the missing package with the command that installs it, or the missing file
 */
export function resolveDataPath(path: string, root = resolve()): string {
  if (!path.startsWith(prefix)) {
    const absolute = resolve(root, path);
    if (existsSync(absolute)) return absolute;
    throw new UsageError(
      'ERR_DATA_FILE',
      `There is no file or folder ${absolute} (given as "${path}").`,
    );
  }
  const [name, file] = splitPackage(path);
  const folder = packageFolder(name, root);
  if (folder === undefined) {
    throw new UsageError(
      'ERR_DATA_PACKAGE',
      `The data package "${name}" is not installed (needed for "${path}", looked for from ${root} upwards). Install it: npm install ${name}`,
    );
  }
  const absolute = join(folder, file);
  if (existsSync(absolute)) return absolute;
  throw new UsageError(
    'ERR_DATA_FILE',
    `The package "${name}" is installed in ${folder}, but has no file "${file}". Check the path, or install another version of the package.`,
  );
}

function splitPackage(path: string): [name: string, file: string] {
  const parts = path.slice(prefix.length).split('/');
  const nameLength = parts[0].startsWith('@') ? 2 : 1;
  const name = parts.slice(0, nameLength).join('/');
  const file = parts.slice(nameLength).join('/');
  if (name === '' || file === '' || parts.includes('..')) {
    throw new UsageError(
      'ERR_DATA_FILE',
      `"${path}" is no data path: expected package:<package name>/<file in it>.`,
    );
  }
  return [name, file];
}

/** By hand, not by `require.resolve`: packages may hide their files behind an exports map. */
function packageFolder(name: string, root: string): string | undefined {
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}
