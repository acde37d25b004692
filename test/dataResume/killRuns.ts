import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { settings, startLife, type Life } from './life.ts';

export interface KillResult {
  readonly kills: number;
  readonly batches: number;
  readonly replayed: number;
  readonly mismatches: number;
}

const child = path.join(import.meta.dirname, 'child.ts');
/**
 * Kills a consuming process `kills` times, each time after it has made progress, lets it finish and
 * compares every batch it saw, the replayed ones too, with those of one uninterrupted process.
 */
export async function killRuns(kills: number, end: number, planted: boolean): Promise<KillResult> {
  const root = mkdtempSync(path.join(tmpdir(), 'lightbox-resume-'));
  try {
    const whole = mkdtempSync(path.join(root, 'whole-'));
    await start(whole, end, 0, planted, 0).ended;
    const expected = new Map(seen(whole));
    const broken = mkdtempSync(path.join(root, 'killed-'));
    // Half of the range leaves enough for all lives to be cut short, at different moments.
    const share = end / 2 / kills;
    for (let life = 0; life < kills; life++) {
      const run = start(broken, end, life, planted, 3);
      const goal = Math.floor(share * (life + 1)) + (life % 5);
      await untilPosition(broken, goal, run);
      await sleep((life * 7) % 40);
      run.kill();
      if ((await run.ended) !== 'SIGKILL') throw new Error(`Life ${life} ended before its kill.`);
    }
    const last = await start(broken, end, kills, planted, 0).ended;
    if (last !== 0) throw new Error(`The last process ended with ${last}.`);
    const got = seen(broken);
    const positions = new Set(got.map(([t]) => t));
    const missing = [...expected.keys()].filter((t) => !positions.has(t)).length;
    const wrong = got.filter(([t, hash]) => expected.get(t) !== hash).length;
    return {
      kills,
      batches: expected.size,
      replayed: got.length - positions.size,
      mismatches: missing + wrong,
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function start(folder: string, end: number, life: number, planted: boolean, pause: number): Life {
  const [workers, prefetch] = settings[life % settings.length];
  return startLife(child, [folder, end, workers, prefetch, planted ? 1 : 0, pause]);
}

async function untilPosition(folder: string, goal: number, run: Life): Promise<void> {
  while (!run.over()) {
    const last = seen(folder).at(-1);
    if (last !== undefined && last[0] >= goal) return;
    await sleep(10);
  }
}

/** Positions and hashes of all batches; a line cut off by a kill was never consumed. */
function seen(folder: string): [number, string][] {
  const file = `${folder}/batches.txt`;
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^(\d+) ([0-9a-f]{64})\n/gm)].map(([, t, hash]) => [Number(t), hash]);
}
