import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from './errors.ts';

/**
 * Runs `npm install` in a folder, its output on the terminal. No shell: npm's own script is run by
 * this Node, since Windows' `npm.cmd` would need one.
 * @throws UsageError ERR_INSTALL
 */
export async function npmInstall(folder: string): Promise<void> {
  const script = npmScript();
  const [command, first] = script === null ? ['npm', []] : [process.execPath, [script]];
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(command, [...first, 'install', '--no-fund', '--no-audit'], {
      cwd: folder,
      stdio: 'inherit',
    });
    child.on('error', reject);
    child.on('exit', resolve);
  });
  if (code !== 0) {
    throw new UsageError(
      'ERR_INSTALL',
      `"npm install" in ${folder} ended with ${String(code)}. The project is complete; run it again there.`,
    );
  }
}

function npmScript(): string | null {
  const bin = dirname(process.execPath);
  const places = [
    process.env['npm_execpath'],
    join(bin, 'node_modules/npm/bin/npm-cli.js'),
    join(bin, '../lib/node_modules/npm/bin/npm-cli.js'),
  ];
  return places.find((place) => place?.endsWith('npm-cli.js') && existsSync(place)) ?? null;
}
