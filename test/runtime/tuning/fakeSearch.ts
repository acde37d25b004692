import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type FrozenTrial, JournalStorage, type Storage } from '../../../runtime/src/hpo/index.ts';

const namespaces = ['--net', '--uts', '--pid', '--mount-proc', '--fork', '--kill-child'];
const script = fileURLToPath(new URL('fixtures/fakeSearch.mjs', import.meta.url));

/** How the made-up objective of `fixtures/fakeSearch.mjs` is to misbehave. */
export interface FakeOptions {
  readonly faults?: Readonly<Record<number, string>>;
  readonly stepMs?: number;
  /** Draw the charts of the report, which takes a while. Default false. */
  readonly charts?: boolean;
  /** Megabytes that the processes may have for their objects. */
  readonly heapMb?: number;
  /** Runs as on a machine of this name: processes, network and host name of its own. */
  readonly machine?: string;
}

/** Whether {@link FakeOptions.machine} can be had: Linux namespaces, which root may make. */
export const hasNamespaces =
  process.getuid?.() === 0 && spawnSync('unshare', [...namespaces, 'true']).status === 0;

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** A folder of its own with real processes of the search in it. */
export class FakeSearch {
  readonly folder: string;

  /** @param disk where the folder is made; default: the system's place for temporary files */
  constructor(disk = tmpdir()) {
    this.folder = mkdtempSync(join(disk, 'lightbox-search-'));
  }

  get journal(): string {
    return join(this.folder, 'runs/hpo/fake/study.journal');
  }

  trialFolder(number: number): string {
    return join(this.folder, `runs/hpo/fake/trial_${number}`);
  }

  start(
    args: readonly string[],
    options: FakeOptions = {},
  ): { child: ChildProcess; end: Promise<Ended>; printed(text: RegExp): Promise<void> } {
    const { machine, heapMb } = options;
    const limit = heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`];
    const command = [process.execPath, ...limit, script, ...args];
    if (machine !== undefined) {
      const rename = ['sh', '-c', 'hostname "$0" && exec "$@"', machine];
      command.unshift('unshare', ...namespaces, ...rename);
    }
    const child = spawn(command[0], command.slice(1), {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        FAKE_FAULTS: JSON.stringify(options.faults ?? {}),
        FAKE_STEP_MS: String(options.stepMs ?? 1),
        FAKE_CHARTS: String(options.charts ?? false),
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const end = new Promise<Ended>((resolve) => {
      child.on('close', (code, signal) => {
        resolve({ code, signal, output });
      });
    });
    const printed = async (text: RegExp): Promise<void> => {
      while (!text.test(output) && child.exitCode === null) await sleep(20);
    };
    return { child, end, printed };
  }

  run(args: readonly string[], options?: FakeOptions): Promise<Ended> {
    return this.start(args, options).end;
  }

  /** @param opened where they are; default: the journal */
  async trials(opened?: Storage): Promise<readonly FrozenTrial[]> {
    const storage = opened ?? new JournalStorage(this.journal);
    const [study] = await storage.studies();
    const trials = await storage.trials(study.id);
    await storage.close();
    return trials;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
