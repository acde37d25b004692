import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { packRuntime } from './packRuntime.ts';

// The whole way once: pack the runtime, scaffold a project outside the repository, install it,
// train on all digits, test. The last line of the output is JSON. LIGHTBOX_DEMO_DIR names the
// project's folder; by default it is a fresh one.
const root = join(import.meta.dirname, '..');
const task = 'image-classification';
const project = projectFolder();

say(`Packing the runtime: ${packRuntime()}`);
say(`Scaffolding ${project}`);
run(process.execPath, [
  join(root, 'dist/generators/bin.js'),
  'digits-demo',
  ...['--task', task, '--model', 'digits', '--features', 'hpo,compile'],
  ...['--dir', project],
]);
say('Installing its packages');
run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error']);
say('Training');
copyFileSync(join(root, 'scripts/demoRun.ts'), join(project, 'scripts/demoRun.ts'));
run(process.execPath, [
  // As the project's own scripts do: what is loaded before tsx loads twice as fast.
  ...['--import', 'lightbox-runtime', '--import', 'lightbox-runtime/tf', '--import', 'tsx'],
  'scripts/demoRun.ts',
  ...['--config', 'configs/digits.yaml'],
]);

function projectFolder(): string {
  const given = process.env['LIGHTBOX_DEMO_DIR'];
  if (given !== undefined && given !== '') {
    mkdirSync(resolve(given), { recursive: true });
    return resolve(given);
  }
  return join(mkdtempSync(join(tmpdir(), 'lightbox-demo-')), 'digits-demo');
}

function say(text: string): void {
  console.log(`\n== ${text}`);
}

/** In the project's folder once it exists; with the terminal, so that progress is live. */
function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, {
    cwd: args.includes('--dir') ? root : project,
    stdio: 'inherit',
    shell: process.platform === 'win32' && command === 'npm',
    env: { ...process.env, LIGHTBOX_DEMO_TASK: task },
  });
  if (error !== undefined) throw error;
  if (status !== 0) {
    console.error(`demo: "${command} ${args[0]}" ended with ${String(status)}`);
    process.exit(status ?? 1);
  }
}
