import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { packageRoot } from '../../generators/common/packageRoot.ts';
import { type FrozenTrial, JournalStorage } from '../../runtime/src/hpo/index.ts';
import { packRuntime } from '../../scripts/packRuntime.ts';

/** How a command ended, and all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A started command. */
export interface Started {
  readonly child: ChildProcess;
  readonly end: Promise<Ended>;
}

/** A generated, installed image-classification project, in which the searches run. */
export class HeadlineProject {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Made in an empty folder; one that was made before is used as it is. */
  static make(path: string): HeadlineProject {
    const folder = join(resolve(path), 'digits');
    const project = new HeadlineProject(folder);
    if (existsSync(join(folder, 'node_modules/lightbox-runtime'))) return project;
    mkdirSync(resolve(path), { recursive: true });
    packRuntime();
    const task = ['--task', 'image-classification', '--model', 'digits', '--features', 'hpo'];
    const bin = join(packageRoot, 'dist/generators/bin.js');
    mustRun(process.execPath, [bin, 'digits', ...task, '--dir', folder], path);
    mustRun('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], folder);
    return project;
  }

  /** `npm run <script> -- ...args` without npm, whose death would leave the program running. */
  start(script: 'hpo' | 'train', args: readonly string[]): Started {
    const manifest = JSON.parse(readFileSync(join(this.folder, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const [, ...words] = manifest.scripts[script].split(' ');
    const child = spawn(process.execPath, [...words, ...args], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const end = new Promise<Ended>((done) => {
      child.on('close', (code) => {
        done({ code, output });
      });
    });
    return { child, end };
  }

  async run(script: 'hpo' | 'train', args: readonly string[]): Promise<string> {
    const { code, output } = await this.start(script, args).end;
    if (code !== 0) throw new Error(`${script} ended with ${String(code)}\n${output}`);
    return output;
  }

  studyFolder(study: string): string {
    return join(this.folder, 'runs/hpo', study);
  }

  async trials(study: string): Promise<readonly FrozenTrial[]> {
    const storage = new JournalStorage(join(this.studyFolder(study), 'study.journal'));
    const [{ id }] = await storage.studies();
    const trials = await storage.trials(id);
    await storage.close();
    return trials;
  }

  /** How often trials of the study went on from a checkpoint. */
  resumptions(study: string): number {
    const folder = this.studyFolder(study);
    const logs = readdirSync(folder)
      .map((name) => join(folder, name, 'output.log'))
      .filter((path) => existsSync(path));
    return logs
      .map((path) => readFileSync(path, 'utf8').split('Resumed from ').length - 1)
      .reduce((sum, count) => sum + count, 0);
  }
}

function mustRun(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
}
