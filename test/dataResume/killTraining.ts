import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { settings, startLife, type Life } from './life.ts';

export interface TrainingResult {
  readonly kills: number;
  /** Checkpoints the killed lives wrote in all. */
  readonly saved: number;
  readonly equal: boolean;
}

const script = path.join(import.meta.dirname, 'trainChild.ts');
/** Batches of the whole training: two epochs of 237 samples in batches of 7. */
const batches = 68;

/**
 * Trains once without interruption, and once killed `kills` times with other numbers of loader
 * threads in every life; compares the final weights bit by bit.
 * @param planted breaks the key of augmentation by the thread's number, which must be found
 */
export async function killTraining(kills: number, planted: boolean): Promise<TrainingResult> {
  const root = mkdtempSync(path.join(tmpdir(), 'lightbox-training-'));
  try {
    const whole = mkdtempSync(path.join(root, 'whole-'));
    await finish(start(whole, 0, planted, 0));
    const broken = mkdtempSync(path.join(root, 'killed-'));
    for (let life = 0; life < kills; life++) {
      const run = start(broken, life + 1, planted, 10);
      const goal = Math.floor((0.6 * batches * (life + 1)) / kills);
      while (!run.over() && lastSaved(broken) < goal) await sleep(10);
      // Somewhere between two checkpoints.
      await sleep((life * 17) % 60);
      run.kill();
      const end = await run.ended;
      if (end !== 'SIGKILL') throw new Error(`Life ${life} ended with ${end} before its kill.`);
    }
    await finish(start(broken, kills + 1, planted, 0));
    return {
      kills,
      saved: progress(broken).length,
      equal: weights(broken) === weights(whole),
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function start(folder: string, life: number, planted: boolean, pause: number): Life {
  const [workers, prefetch] = settings[life % settings.length];
  return startLife(script, [folder, workers, prefetch, planted ? 1 : 0, pause]);
}

async function finish(life: Life): Promise<void> {
  const end = await life.ended;
  if (end !== 0) throw new Error(`A training ended with ${end}.`);
}

function lastSaved(folder: string): number {
  return progress(folder).at(-1) ?? 0;
}

function progress(folder: string): number[] {
  try {
    const text = readFileSync(path.join(folder, 'progress.txt'), 'utf8');
    return text.trim().split('\n').map(Number);
  } catch {
    return [];
  }
}

function weights(folder: string): string {
  return readFileSync(path.join(folder, 'weights.txt'), 'utf8');
}
