import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../generators/common/packageRoot.ts';
import { UsageError } from '../../runtime/src/errors.ts';
import { packRuntime } from '../../scripts/packRuntime.ts';
import { machineFacts } from '../machine.ts';
import type { Report } from '../report.ts';
import type { Suite } from '../suite.ts';

const cases = {
  render: measureRender,
  'first-update': measureFirstUpdate,
};

/** Name given -> files written, and start of `npm run train` -> first update. */
export const scaffoldSuite: Suite = async (report, { cases: wanted, rounds = 7 }) => {
  const unknown = wanted.find((name) => !Object.hasOwn(cases, name));
  if (unknown !== undefined) {
    throw new UsageError(
      'ERR_BENCH_CASE',
      `scaffold has no case "${unknown}". Its cases are: ${Object.keys(cases).join(', ')}.`,
    );
  }
  report.machine(machineFacts());
  packRuntime();
  for (const [name, measure] of Object.entries(cases)) {
    if (wanted.length === 0 || wanted.includes(name)) await measure(report, rounds);
  }
};

const flags = ['--task', 'image-classification', '--model', 'digits', '--features', 'hpo,compile'];
const bin = join(packageRoot, 'dist/generators/bin.js');

function measureRender(report: Report, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lightbox-bench-'));
  try {
    const subjects = new Map<string, (name: string) => void>([
      ['lightbox', (name) => runOrThrow([bin, name, ...flags], folder)],
    ]);
    const yo = yoCommand(folder);
    try {
      yo('warm-up');
      subjects.set('yo', yo);
    } catch (error) {
      report.note(`no figures: ${String(error).split('\n')[0]}`, { case: 'render', subject: 'yo' });
    }
    const samples = new Map([...subjects.keys()].map((subject) => [subject, [] as number[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [subject, write] of subjects) {
        const start = performance.now();
        write(`${subject}-${String(round)}`);
        samples.get(subject)?.push(performance.now() - start);
      }
    }
    for (const [subject, times] of samples) report.measure('render', subject, 'ms', times);
    report.compare('render', 'lightbox', 'yo');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return Promise.resolve();
}

/** `yo lightbox <name>`; for root as another user, since yo refuses root. */
function yoCommand(folder: string): (name: string) => void {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(packageRoot, join(folder, 'node_modules/generator-lightbox'));
  const id = process.getuid?.() === 0 ? 1000 : undefined;
  if (id !== undefined) chownSync(folder, id, id);
  chmodSync(folder, 0o755);
  const yo = join(packageRoot, 'node_modules/yo/lib/cli.js');
  const env = { ...process.env, HOME: folder, NODE_PATH: join(folder, 'node_modules') };
  return (name) => runOrThrow([yo, 'lightbox', name, ...flags], folder, { env, uid: id, gid: id });
}

function runOrThrow(args: readonly string[], cwd: string, options: object = {}): void {
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    ...options,
  });
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1) ?? 'failed');
}

// Below the repository, so that its node_modules serve the project without an installation.
const project = join(packageRoot, '.template-check/bench-project');

async function measureFirstUpdate(report: Report, rounds: number): Promise<void> {
  rmSync(project, { recursive: true, force: true });
  runOrThrow([bin, 'bench-project', ...flags, '--dir', project], packageRoot);
  writeFileSync(join(project, 'src/firstUpdate.ts'), callback);
  const samples: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const milliseconds = await timeToFirstUpdate();
    // The first run reads files that the others find in memory.
    if (round > 0) samples.push(milliseconds);
  }
  rmSync(project, { recursive: true, force: true });
  report.measure('first-update', 'lightbox', 'ms', samples);
}

const mark = 'first update done';

const callback = `export class FirstUpdate {
  onTrainBatchEnd({ globalStep, terminal }: { globalStep: number; terminal: { line(text: string): void } }) {
    if (globalStep === 1) terminal.line('${mark}');
  }
}
`;

function timeToFirstUpdate(): Promise<number> {
  const start = performance.now();
  const extra = ['--trainer.callbacks+=./src/firstUpdate.ts#FirstUpdate', '--trainer.max_steps=1'];
  const child = spawn('npm', ['run', 'train', '--', ...extra], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let time: number | undefined;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (time === undefined && output.includes(mark)) time = performance.now() - start;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      if (time === undefined) reject(new Error(`npm run train made no update:\n${output}`));
      else resolve(time);
    });
  });
}
