import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Answers } from '../generators/app/answers.ts';
import { render } from '../generators/render/render.ts';
import { writeProject } from '../generators/write/writeProject.ts';
import { templateCases } from './templateCases.ts';

// Renders projects and checks each with the configs that it got itself: types, lint, format. They
// lie inside the repository, so that its node_modules serve them.
const root = join(import.meta.dirname, '..');
const folder = join(root, '.template-check');
const gates: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['types', 'tsc', []],
  ['lint', 'eslint', ['.', '--max-warnings', '0']],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
];

rmSync(folder, { recursive: true, force: true });
const jobs: (() => Promise<string | null>)[] = [];
for (const answers of templateCases) {
  await scaffoldCase(answers);
  const { name, task, features } = answers;
  const title = `${name} (${task} with ${features.join('+') || 'nothing'})`;
  for (const [gate, command, args] of gates) {
    jobs.push(async () => {
      const output = await run(command, args, join(folder, name));
      return output === null ? null : `${title}: ${gate}\n${output}`;
    });
  }
}
const failures = await runAll(jobs, availableParallelism());
for (const failure of failures) console.log(`FAIL ${failure}\n`);
console.log(
  `templates: ${String(templateCases.length)} projects, ${String(jobs.length)} checks, ${String(failures.length)} failed`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

async function scaffoldCase(answers: Answers): Promise<void> {
  const bytes = Buffer.from('The repository serves the runtime here.');
  const runtimeTarball = { file: 'lightbox-runtime-0.0.0-00000000.tgz', bytes, sha256: '' };
  const project = render(answers, { runtimeTarball, generatorVersion: '0.0.0' });
  await writeProject(join(folder, answers.name), project);
}

/** Null when it went well, else what it printed. */
function run(command: string, args: readonly string[], cwd: string): Promise<string | null> {
  const bin = join(root, 'node_modules', '.bin', command);
  const child = spawn(process.execPath, [bin, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve(code === 0 ? null : output.replaceAll(`${dirname(cwd)}/`, ''));
    });
  });
}

async function runAll(
  tasks: readonly (() => Promise<string | null>)[],
  parallel: number,
): Promise<string[]> {
  const failed: string[] = [];
  const queue = [...tasks];
  const worker = async (): Promise<void> => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      const failure = await task();
      if (failure !== null) failed.push(failure);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return failed.sort();
}
