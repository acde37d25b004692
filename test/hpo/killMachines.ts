import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresStorage } from '../../runtime/src/hpo/index.ts';
import { Rng } from '../../runtime/src/random/rng.ts';
import { type Ended, FakeSearch, hasNamespaces } from '../runtime/tuning/fakeSearch.ts';
import { expectWhole } from './expectWhole.ts';
import { PostgresServer } from './postgresServer.ts';

/** What a search of several killed machines came to. */
export interface MachinesResult {
  readonly kills: number;
  readonly crashes: number;
  readonly trials: number;
  /** Trials that another machine, or another process, took over. */
  readonly takenOver: number;
  readonly namespaces: boolean;
}

interface Machine {
  readonly child: ChildProcess;
  readonly end: Promise<Ended>;
}

/** A machine that starts while the database is away says so and ends; its cluster tries again. */
async function untilDone(machine: Machine, again: () => Machine): Promise<void> {
  for (let current = machine; ; current = again()) {
    const { code, output } = await current.end;
    if (code === 0) return;
    if (!output.includes('error: cannot use '))
      throw new Error(`ended with ${String(code)}\n${output}`);
  }
}

/**
 * Three machines with two workers each on one database: every second or so one of them is killed
 * with all its processes and started again, and now and then the database crashes.
 */
export async function killMachines(kills: number, seed: number): Promise<MachinesResult> {
  const server = await PostgresServer.start();
  const search = new FakeSearch();
  try {
    return await killOn(server, search, kills, seed);
  } finally {
    await server.remove();
    search.remove();
  }
}

async function killOn(
  server: PostgresServer,
  search: FakeSearch,
  kills: number,
  seed: number,
): Promise<MachinesResult> {
  const total = 6 * kills;
  server.database('shared');
  const start = (index: number): Machine =>
    search.start(
      ['--n-trials', String(total), '--storage', server.socketUrl('shared')].concat([
        '--workers',
        '2',
        '--grace-period',
        '3',
        '--pruner',
        'none',
      ]),
      { stepMs: 40, ...(hasNamespaces ? { machine: `machine${index}` } : {}) },
    );
  const machines = [start(0), start(1), start(2)];
  const random = Rng.fromSeed(seed).fold('machines');
  let crashes = 0;
  for (let round = 0; round < kills; round++) {
    await sleep(700 + random.fold('pause', round).int(800));
    const victim = random.fold('victim', round).int(machines.length);
    machines[victim].child.kill('SIGKILL');
    await machines[victim].end;
    if (round % 4 === 3) {
      crashes++;
      await server.down();
      await sleep(300);
      await server.up();
    }
    machines[victim] = start(victim);
  }
  await Promise.all(machines.map((machine, index) => untilDone(machine, () => start(index))));
  const trials = await search.trials(await PostgresStorage.open(server.url('shared')));
  expectWhole(trials, total);
  const takeovers = trials.map(
    ({ systemAttrs }) => (systemAttrs['lightbox:attempt'] as { takeovers: number }).takeovers,
  );
  const takenOver = takeovers.filter((count) => count > 0).length;
  return { kills, crashes, trials: trials.length, takenOver, namespaces: hasNamespaces };
}
