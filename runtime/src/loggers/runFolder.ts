import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError, messageOf } from '../errors.ts';
import { writeFileAtomic } from '../core/atomicFile.ts';
import { sanitizeFileName } from '../core/fileNames.ts';
import { isPlainObject } from '../core/json.ts';
import type { RunStatus } from '../core/logger.ts';

/** What one process did in a run; a resumed run has several. */
export interface RunSession {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Updates done before. */
  readonly startStep: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** `killed`: it was found still `running` by the session after it. */
  readonly status: RunStatus | 'running' | 'killed';
}

/** The content of `run.json`. */
export interface RunRecord {
  readonly format: 1;
  readonly name: string;
  readonly version: number;
  readonly seed: number;
  /** By package. */
  readonly versions: Readonly<Record<string, string>>;
  /** Of the last session. */
  readonly status: RunSession['status'];
  readonly sessions: readonly RunSession[];
}

export interface NewRun {
  /** Where all runs are, `runs` by default. */
  readonly root?: string;
  readonly name: string;
  readonly command: readonly string[];
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * The folder of a run, `runs/<name>/version_<n>`: `run.json`, `config.yaml`, `metrics.jsonl`,
 * `checkpoints/`, `media/`. A new run always gets a new folder; nothing of an earlier run, or of
 * an earlier session of this one, is ever overwritten.
 */
export class RunFolder {
  readonly dir: string;
  #record: RunRecord;

  private constructor(dir: string, record: RunRecord) {
    this.dir = dir;
    this.#record = record;
  }

  /** Makes the next free folder of that name. @throws UsageError ERR_RUN_FOLDER */
  static async create(run: NewRun): Promise<RunFolder> {
    const { root = 'runs', name, command, seed, versions } = run;
    const parent = join(root, sanitizeFileName(name));
    try {
      await fs.mkdir(parent, { recursive: true });
      const version = await claimVersion(parent);
      const sessions = [newSession(command, 0)];
      const record: RunRecord = {
        format: 1,
        name,
        version,
        seed,
        versions,
        status: 'running',
        sessions,
      };
      const folder = new RunFolder(join(parent, versionName(version)), record);
      await folder.#write();
      return folder;
    } catch (error) {
      throw new UsageError(
        'ERR_RUN_FOLDER',
        `No folder for the run could be made in ${parent}: ${messageOf(error)}. ` +
          'Make it writable or choose another place.',
        { cause: error },
      );
    }
  }

  /**
   * Opens the folder of a run that goes on.
   * @param startStep updates done before this session
   * @throws UsageError ERR_RUN_FOLDER when `dir` is not the folder of a run
   */
  static async open(
    dir: string,
    { command, startStep }: { command: readonly string[]; startStep: number },
  ): Promise<RunFolder> {
    const record = await readRunRecord(dir);
    const before = record.sessions.map((session) =>
      session.status === 'running' ? { ...session, status: 'killed' as const } : session,
    );
    const sessions = [...before, newSession(command, startStep)];
    const folder = new RunFolder(dir, { ...record, status: 'running', sessions });
    await folder.#write();
    return folder;
  }

  /** The folder of the newest run of that name, or null. */
  static async newest(name: string, root = 'runs'): Promise<string | null> {
    const parent = join(root, sanitizeFileName(name));
    const versions = await versionsIn(parent);
    return versions.length === 0 ? null : join(parent, versionName(Math.max(...versions)));
  }

  get record(): RunRecord {
    return this.#record;
  }

  get name(): string {
    return this.#record.name;
  }

  get checkpointsDir(): string {
    return join(this.dir, 'checkpoints');
  }

  get mediaDir(): string {
    return join(this.dir, 'media');
  }

  /** Writes `config.yaml`; one that differs is kept as `config.1.yaml`, `config.2.yaml`, ... */
  async writeConfig(yaml: string): Promise<void> {
    const path = join(this.dir, 'config.yaml');
    const previous = await fs.readFile(path, 'utf8').catch(() => null);
    if (previous === yaml) return;
    if (previous !== null) await this.#keepConfig(path);
    await writeFileAtomic(path, yaml);
  }

  /** Notes how the session ended. */
  async finish(status: RunStatus): Promise<void> {
    const last = this.#record.sessions.length - 1;
    const ended = { ...this.#record.sessions[last], status, endedAt: new Date().toISOString() };
    this.#record = { ...this.#record, status, sessions: this.#record.sessions.with(last, ended) };
    await this.#write();
  }

  async #keepConfig(path: string): Promise<void> {
    const names = new Set(await fs.readdir(this.dir));
    let count = 1;
    while (names.has(`config.${count}.yaml`)) count += 1;
    await fs.rename(path, join(this.dir, `config.${count}.yaml`));
  }

  async #write(): Promise<void> {
    await writeFileAtomic(join(this.dir, recordName), `${JSON.stringify(this.#record, null, 2)}\n`);
  }
}

/** Reads `run.json` of the run in `dir`. @throws UsageError ERR_RUN_FOLDER */
export async function readRunRecord(dir: string): Promise<RunRecord> {
  const path = join(dir, recordName);
  try {
    const record: unknown = JSON.parse(await fs.readFile(path, 'utf8'));
    if (isPlainObject(record) && record.format === 1 && Array.isArray(record.sessions)) {
      return record as unknown as RunRecord;
    }
  } catch (error) {
    throw notARun(dir, messageOf(error), error);
  }
  throw notARun(dir, `${recordName} is not of format 1`);
}

const recordName = 'run.json';

function notARun(dir: string, reason: string, cause?: unknown): UsageError {
  return new UsageError(
    'ERR_RUN_FOLDER',
    `${dir} is not the folder of a run: ${reason}. Expected one such as runs/<name>/version_0.`,
    { cause },
  );
}

function newSession(command: readonly string[], startStep: number): RunSession {
  const startedAt = new Date().toISOString();
  return { command, startStep, startedAt, endedAt: null, status: 'running' };
}

function versionName(version: number): string {
  return `version_${version}`;
}

async function versionsIn(parent: string): Promise<number[]> {
  const names = await fs.readdir(parent).catch(() => []);
  return names.flatMap((name) => {
    const digits = /^version_(\d+)$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

// mkdir fails for a folder that exists, so two processes never get the same one.
async function claimVersion(parent: string): Promise<number> {
  for (let version = Math.max(-1, ...(await versionsIn(parent))) + 1; ; version++) {
    try {
      await fs.mkdir(join(parent, versionName(version)));
      return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
