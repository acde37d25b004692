import { createHash } from 'node:crypto';
import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Rng } from '../../runtime/src/random/rng.ts';
import { phases, type Message, type Phase } from './phases.ts';

export interface ResumeResult {
  readonly kills: number;
  /** Kills that met the training in each of these. */
  readonly inPhase: Readonly<Record<Phase, number>>;
  /** Kills that left a file half written. */
  readonly halfWritten: number;
  /** What differs from the run that was never killed; none when all is well. */
  readonly differences: readonly string[];
}

const script = path.join(import.meta.dirname, 'child.ts');

/** What is trained: one optimizer, or two in rounds. */
export type Trained = 'DigitNet' | 'DigitGan';

interface Case {
  readonly module: Trained;
  readonly planted: boolean;
}

/**
 * Trains once without interruption, and then again and again, killed in each life at a moment that
 * `seed` draws, until `kills` are done; a whole training that was killed enough begins anew.
 * Compares weights, averages, logged lines and the index of checkpoints.
 * @param planted trains with a random key that checkpoints do not restore, which must be found
 */
export async function killResume(
  kills: number,
  {
    module = 'DigitNet',
    planted = false,
    seed = 1,
  }: { module?: Trained; planted?: boolean; seed?: number } = {},
): Promise<ResumeResult> {
  const what: Case = { module, planted };
  const root = mkdtempSync(path.join(tmpdir(), 'lightbox-resume-'));
  const draw = Rng.fromSeed(seed);
  const inPhase = { update: 0, accumulation: 0, validation: 0, saving: 0 };
  const differences: string[] = [];
  let [done, halfWritten] = [0, 0];
  try {
    const whole = mkdtempSync(path.join(root, 'whole-'));
    await live(whole, 0, what);
    const expected = outcome(whole, module);
    while (done < kills) {
      const broken = mkdtempSync(path.join(root, 'killed-'));
      for (let life = 0; life < killsOfOneRun && done < kills; life++) {
        const key = draw.fold('kill', done);
        const phase = phases[done % phases.length];
        // A save is told by each of its operations on files.
        const moment = { phase, skip: key.fold('skip').int(phase === 'saving' ? 90 : 9) };
        const delay = key.fold('delay').uniform() * 5;
        const killed = await live(broken, done % 3, what, { ...moment, delay });
        if (!killed) break;
        done++;
        inPhase[moment.phase]++;
        if (leftovers(broken, module)) halfWritten++;
      }
      await live(broken, 0, what);
      differences.push(...compare(expected, outcome(broken, module)));
      if (planted) break;
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return { kills: done, inPhase, halfWritten, differences };
}

const killsOfOneRun = 6;

interface Moment {
  readonly phase: Phase;
  /** How many times the phase is let pass. */
  readonly skip: number;
  /** Milliseconds from the message to the kill. */
  readonly delay: number;
}

/** @returns whether the process was killed; it may end before its moment comes */
function live(
  folder: string,
  workers: number,
  { module, planted }: Case,
  moment?: Moment,
): Promise<boolean> {
  const child = fork(script, [folder, String(workers), planted ? '1' : '0', module], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let left = moment?.skip ?? Infinity;
  child.on('message', ({ phase }: Message) => {
    if (moment === undefined || phase !== moment.phase || left-- > 0) return;
    setTimeout(() => child.kill('SIGKILL'), phase === 'saving' ? moment.delay : 0);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (signal === 'SIGKILL' || code === 0) resolve(signal === 'SIGKILL');
      else reject(new Error(`A training ended with ${String(code ?? signal)}.`));
    });
  });
}

interface Outcome {
  readonly weights: string;
  readonly rows: readonly unknown[];
  readonly index: readonly unknown[];
  readonly files: Readonly<Record<string, string>>;
}

function outcome(folder: string, module: Trained): Outcome {
  const run = path.join(folder, module, 'version_0');
  const read = (name: string): string => readFileSync(path.join(run, name), 'utf8');
  const { checkpoints } = JSON.parse(read('checkpoints/checkpoints.json')) as {
    checkpoints: { savedAt: string; bytes: number }[];
  };
  return {
    weights: readFileSync(path.join(folder, 'weights.txt'), 'utf8'),
    rows: read('metrics.jsonl').trim().split('\n').map(withoutTime),
    // Files hold times, whose digits vary.
    index: checkpoints.map(({ savedAt: _at, bytes: _bytes, ...entry }) => entry),
    files: Object.fromEntries(
      readdirSync(path.join(run, 'checkpoints')).map((name) => [name, kindOf(name)]),
    ),
  };
}

function kindOf(name: string): string {
  return name.endsWith('.safetensors') || name.endsWith('.json') ? 'known' : 'leftover';
}

function withoutTime(line: string): unknown {
  const { time: _time, ...row } = JSON.parse(line) as { time: number };
  return row;
}

function compare(expected: Outcome, found: Outcome): string[] {
  return (Object.keys(expected) as (keyof Outcome)[])
    .filter((key) => !isDeepStrictEqual(expected[key], found[key]))
    .map((key) => `${key}: ${digest(expected[key])} became ${digest(found[key])}`);
}

function digest(value: unknown): string {
  const text = JSON.stringify(value);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return process.env.LIGHTBOX_SHOW_DIFFERENCES === '1' ? text : hash;
}

/** Whether the kill came while a checkpoint was on its way to the disk. */
function leftovers(folder: string, module: Trained): boolean {
  try {
    const names = readdirSync(path.join(folder, module, 'version_0/checkpoints'));
    return names.some((name) => kindOf(name) === 'leftover');
  } catch {
    return false;
  }
}
