import type { ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Rng } from '../../runtime/src/random/rng.ts';
import { FakeSearch } from '../runtime/tuning/fakeSearch.ts';
import { expectWhole } from './expectWhole.ts';
import { killWorker } from './killWorker.ts';
import { outcome } from './outcome.ts';

/** What a killed search came to. */
export interface KillResult {
  readonly kills: { readonly coordinator: number; readonly worker: number };
  readonly trials: number;
  /** Numbers, parameters, reports and values are those of a search that nobody killed. */
  readonly equal: boolean;
}

/** Waits for a worker where the machine is slow; false when the search was over before it had one. */
async function killNextWorker(search: FakeSearch, coordinator: ChildProcess): Promise<boolean> {
  while (coordinator.exitCode === null) {
    if (killWorker(dirname(search.journal))) return true;
    await sleep(20);
  }
  return false;
}

/**
 * A search of one worker on a journal, its coordinator or its worker killed with SIGKILL at random
 * moments and the same command started again, until it is done; compared with an undisturbed one.
 */
export async function killSearch(kills: number, seed: number): Promise<KillResult> {
  const total = Math.max(4, kills);
  const args = ['--n-trials', String(total), '--seed', String(seed)];
  const whole = new FakeSearch();
  await whole.run(args);
  const search = new FakeSearch();
  const counts = { coordinator: 0, worker: 0 };
  const random = Rng.fromSeed(seed).fold('kills');
  for (let round = 0; round < kills; round++) {
    const { child, end } = search.start(args, { stepMs: 25 });
    await sleep(150 + random.fold('moment', round).int(900));
    if (round % 2 === 0) {
      child.kill('SIGKILL');
      counts.coordinator++;
    } else if (await killNextWorker(search, child)) {
      counts.worker++;
      // The search goes on by itself, now and then until its end.
      await sleep(300);
      child.kill('SIGKILL');
      counts.coordinator++;
    } else {
      child.kill('SIGKILL');
    }
    await end;
  }
  const last = await search.run(args);
  if (last.code !== 0)
    throw new Error(`the search ended with ${String(last.code)}\n${last.output}`);
  const trials = await search.trials();
  expectWhole(trials, total);
  const equal = isDeepStrictEqual(outcome(trials), outcome(await whole.trials()));
  whole.remove();
  search.remove();
  return { kills: counts, trials: trials.length, equal };
}
