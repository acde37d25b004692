import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import {
  CheckpointStore,
  newestGood,
  readCheckpoint,
} from '../../../runtime/src/checkpoint/index.ts';
import { inFolder } from './sampleContents.ts';

const script = fileURLToPath(new URL('saveForever.ts', import.meta.url));

/** Lets a child save until it told of a few steps, kills it; returns the last step it told. */
async function saveUntilKilled(folder: string, from: number, delay: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, folder, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let told = -1;
  for await (const line of createInterface(child.stdout)) {
    told = Number(line);
    if (told === from + 4) void sleep(delay).then(() => child.kill('SIGKILL'));
  }
  await exited;
  return told;
}

describe('a process killed while it saves', () => {
  it('leaves whole checkpoints, none older than what it had told', async () => {
    await inFolder(async (folder) => {
      let step = 1;
      for (const delay of [0, 3, 8]) {
        const told = await saveUntilKilled(folder, step, delay);
        expect(told).toBeGreaterThanOrEqual(step + 4);
        const names = await readdir(folder);
        for (const name of names.filter((file) => /^[^.].*\.safetensors$/.test(file))) {
          const { info, tensors } = await readCheckpoint(join(folder, name));
          expect(new Set<unknown>(tensors.get('model/w')?.data)).toEqual(new Set([info.step]));
        }
        const { checkpoint, notice } = await newestGood(folder);
        expect(checkpoint.info.step).toBeGreaterThanOrEqual(told);
        expect(notice).toBeNull();
        const store = await CheckpointStore.open(folder);
        expect((await readdir(folder)).filter((name) => name.includes('.part-'))).toEqual([]);
        expect(Math.max(...store.entries().map((entry) => entry.step))).toBe(checkpoint.info.step);
        step = checkpoint.info.step + 1;
      }
    });
  });
});
