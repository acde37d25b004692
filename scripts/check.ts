import { spawnSync } from 'node:child_process';

// The gates in order of price; every one runs, so that one call shows all that is wrong.
const gates: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
  ['build', 'tsc', ['-b']],
  ['types', 'tsc', ['-p', 'tsconfig.test.json']],
  ['lint', 'eslint', ['.', '--max-warnings', '0']],
  ['dependencies', 'depcruise', ['--output-type', 'err', 'runtime/src', 'generators']],
  ['dead code', 'knip', []],
  ['package', 'publint', ['--strict', 'runtime']],
  ['package types', 'attw', ['--profile', 'esm-only', '--pack', 'runtime']],
  ['templates', 'tsx', ['scripts/checkTemplates.ts']],
];

const wanted = process.argv.slice(2);
let failed = 0;
for (const [name, command, args] of gates) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync('npx', ['--no-install', command, ...args], {
    encoding: 'utf8',
    env: { ...process.env, npm_config_loglevel: 'error' },
    maxBuffer: 64 * 1024 * 1024,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (status === 0) continue;
  failed++;
  console.log([stdout, stderr].filter((text) => text.trim() !== '').join('\n'));
}
console.log(failed === 0 ? 'check: all gates passed' : `check: ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
