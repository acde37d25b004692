import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Study } from '../../../runtime/src/hpo/index.ts';
import { ownIdentity } from '../../../runtime/src/hpo/processIdentity.ts';
import { PostgresStorage } from '../../../runtime/src/hpo/storages/postgresStorage.ts';
import { withoutPassword } from '../../../runtime/src/hpo/storages/rdbAddress.ts';
import type { LeaseRequest } from '../../../runtime/src/hpo/storages/rdbLeases.ts';
import { storageSuite } from '../../../runtime/src/testing/storageSuite.ts';
import { PostgresServer, postgresPrograms, postgresReason } from '../../hpo/postgresServer.ts';
import { dumpStorage } from './dumpStorage.ts';

const python = pythonWith('optuna', 'psycopg');
const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

// A server takes three seconds to make, so that all tests share one.
const withServer = postgresPrograms === undefined ? describe.skip : describe;
if (postgresPrograms === undefined) {
  process.stderr.write(`Skipped: storages in PostgreSQL; ${postgresReason}\n`);
}

let server: PostgresServer;
let count = 0;
const open = (name = `db${count++}`, fresh = true): Promise<PostgresStorage> =>
  PostgresStorage.open(fresh ? server.database(name) : server.url(name), { patienceMs: 20_000 });

withServer(`PostgreSQL (${postgresReason})`, () => {
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.remove());

  storageSuite({ describe, it }, 'PostgreSQL', {
    open: () => open(),
    reopen: (first) => open(first.location.split('/').at(-1), false),
  });

  it('makes the very tables of Optuna 5', async () => {
    await (await open('ours')).close();
    const tables = (text: string): string[] =>
      text.split('\n').filter((line) => !/^(--|SET|SELECT|INSERT|\\|$)/.test(line));
    expect(tables(server.dump('ours', ['--schema-only']))).toEqual(
      tables(readFileSync(fixture('optuna-5.0.0-postgres.sql'), 'utf8')),
    );
  });

  it('reads and continues what Optuna 5 wrote', async () => {
    server.database('theirs');
    server.psql('theirs', ['-f', fixture('optuna-5.0.0-postgres.sql')]);
    const storage = await open('theirs', false);
    const expected: unknown = JSON.parse(
      readFileSync(fixture('optuna-5.0.0-postgres.json'), 'utf8'),
    );
    expect(await dumpStorage(storage)).toEqual(expected);
    const study = await Study.load({ name: 'demo', storage });
    const trial = await study.ask();
    expect(trial.number).toBe(9);
    trial.suggestCategorical('opt', ['adam', 'sgd', null, true, 2.5, 3]);
    expect(await study.tell(trial, -Infinity)).toMatchObject({ values: [-Infinity] });
    const changed = await study.ask();
    changed.suggestInt('x', 0, 1);
    await expect(study.tell(changed, 1)).rejects.toThrow('parameter "x"');
    await storage.close();
  });

  it('refuses tables of another revision', async () => {
    await (await open('older')).close();
    server.psql('older', ['-c', `UPDATE alembic_version SET version_num = 'v3.0.0.d'`]);
    await expect(open('older', false)).rejects.toThrow(
      "has tables of revision v3.0.0.d, expected Optuna 5's v3.2.0.a",
    );
  });

  it('numbers trials without gaps when several processes create them at once', async () => {
    const storages = [await open('crowd'), await open('crowd', false), await open('crowd', false)];
    const studies: Study[] = [];
    for (const storage of storages) {
      studies.push(await Study.create({ name: 's', storage, loadIfExists: true }));
    }
    const asks = Array.from({ length: 30 }, (_, index) => studies[index % 3].ask());
    const numbers = (await Promise.all(asks)).map((trial) => trial.number);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index));
    await studies[0].enqueueTrial({ x: 1 });
    const [first, ...others] = await Promise.all(storages.map((each) => each.claimWaiting(1)));
    expect([first, ...others].filter((trial) => trial !== undefined)).toHaveLength(1);
    for (const storage of storages) await storage.close();
  });

  it('outlasts a crash of the server', async () => {
    const storage = await open('outage');
    const study = await Study.create({ name: 's', storage });
    const trial = await study.ask();
    trial.suggestFloat('x', 0, 1);
    await server.down();
    const report = trial.report(0.5, 1);
    await sleep(300);
    await server.up();
    await report;
    expect(await study.tell(trial, 0.25)).toMatchObject({ state: 'COMPLETE', values: [0.25] });
    await storage.close();
  });

  describe('leases', () => {
    const request = (token: string, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
      total: 2,
      owner: ownIdentity(),
      token,
      graceMs: 60_000,
      foreignGraceMs: 60_000,
      maxTakeovers: 1,
      ...more,
    });

    it('give out exactly the total, and lost trials again under their numbers', async () => {
      const [a, b] = [await open('leases'), await open('leases', false)];
      const { id } = await a.createStudy('s', ['minimize']);
      const first = await a.lease(id, request('a1'));
      expect(first).toMatchObject({ kind: 'new', trial: { number: 0, state: 'RUNNING' } });
      // The same call again, as after an outage, is no second trial.
      expect(await a.lease(id, request('a1'))).toMatchObject({ trial: { number: 0 } });
      expect(await b.lease(id, request('b1'))).toMatchObject({ kind: 'new', trial: { number: 1 } });
      expect(await b.lease(id, request('b2'))).toEqual({ kind: 'busy', failed: [] });
      const sql = (text: string): string => server.psql('leases', ['-c', text]);
      const beats = () =>
        sql('SELECT heartbeat FROM trial_heartbeats ORDER BY trial_id').split('\n');
      const before = beats();
      await sleep(60);
      expect(await a.renewLeases()).toEqual([]);
      const after = beats();
      expect([after[0] > before[0], after[1] === before[1]]).toEqual([true, true]);
      // However long this takes: trial 0 is heard of, of trial 1 nobody has heard for 60 ms.
      sql(
        "UPDATE trial_heartbeats SET heartbeat = heartbeat + interval '1 hour' " +
          'WHERE trial_id = (SELECT min(trial_id) FROM trials)',
      );
      const taken = await a.lease(id, request('a2', { graceMs: 50 }));
      expect(taken).toMatchObject({ kind: 'takeover', trial: { number: 1 } });
      const lost = (await b.trials(id))[1].id;
      await expect(b.updateTrial(lost, { userAttrs: { late: true } })).rejects.toMatchObject({
        code: 'ERR_HPO_FENCED',
      });
      expect(await b.renewLeases()).toEqual([lost]);
      const finish = { state: 'COMPLETE', values: [1] } as const;
      await expect(b.updateTrial(lost, { finish })).rejects.toThrow('another worker runs it now');
      expect(await a.updateTrial(lost, { finish })).toMatchObject({ state: 'COMPLETE' });
      await a.close();
      await b.close();
    });

    it('of processes that are gone are free at once, and those given back', async () => {
      const storage = await open('gone');
      const { id } = await storage.createStudy('s', ['minimize']);
      const dead = { ...ownIdentity(), pid: 2 ** 22 + 1 };
      await storage.lease(id, request('a', { owner: dead }));
      const again = await storage.lease(id, request('b', { owner: dead }));
      expect(again).toMatchObject({ kind: 'takeover', trial: { number: 0 } });
      // A second time is one too many: it is given up, with its reason.
      const next = await storage.lease(id, request('c'));
      expect(next).toMatchObject({
        kind: 'new',
        trial: { number: 1 },
        failed: [
          {
            number: 0,
            state: 'FAIL',
            userAttrs: { fail_reason: 'failed:lost: its worker vanished 2 times' },
          },
        ],
      });
      if ('trial' in next) await storage.releaseLease(next.trial.id);
      expect(await storage.lease(id, request('d'))).toMatchObject({ kind: 'takeover' });
      await storage.close();
    });

    it("queue another program's lost trial again, with Optuna's history of it", async () => {
      const storage = await open('alien');
      const { id } = await storage.createStudy('s', ['minimize']);
      const study = await Study.load({ name: 's', storage });
      const theirs = await study.ask();
      theirs.suggestFloat('x', 0, 1);
      await theirs.setUserAttr('note', 1);
      const { x } = theirs.params;
      server.psql('alien', [
        '-c',
        `INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (${theirs.id}, now())`,
      ]);
      await sleep(20);
      const answer = await storage.lease(id, request('a', { foreignGraceMs: 10 }));
      expect(answer).toMatchObject({
        kind: 'waiting',
        trial: {
          number: 1,
          params: { x },
          userAttrs: { note: 1 },
          systemAttrs: { failed_trial: 0, retry_history: [0] },
        },
      });
      expect((await storage.trials(id))[0].state).toBe('FAIL');
      await storage.close();
    });
  });

  const withOptuna = python === undefined ? it.skip : it;
  withOptuna(
    'real Optuna continues ours, and we its (LIGHTBOX_PYTHON with optuna, psycopg)',
    async () => {
      const optuna = (command: string, url: string): unknown => {
        const args = [fixture('optuna_journal.py'), command, url];
        const text = execFileSync(python ?? '', args, { encoding: 'utf8' });
        return text === '' ? null : JSON.parse(text);
      };
      const storage = await open('together');
      const url = server.url('together');
      const study = await Study.create({ name: 'ours', storage });
      const turn = async (): Promise<void> => {
        for (let index = 0; index < 4; index++) {
          const trial = await study.ask();
          trial.suggestFloat('x', 0, 1);
          trial.suggestInt('m', 1, 1000, { log: true });
          trial.suggestCategorical('opt', ['adam', null, true, 2.5, 3]);
          await trial.report(index === 1 ? NaN : Infinity, 0);
          await study.tell(trial, index === 3 ? -Infinity : index, { userAttrs: { note: 'é' } });
        }
      };
      await turn();
      optuna('continue', url);
      await turn();
      expect(optuna('dump', url)).toEqual(await dumpStorage(storage));
      expect(await study.trials()).toHaveLength(12);
      await storage.close();
    },
  );
});

describe('a database that cannot be used', () => {
  const refused = 'postgresql://me:s3cr%40t@127.0.0.1:1/db';

  it('is said clearly and at once, without the password', async () => {
    const error: unknown = await PostgresStorage.open(refused).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_HPO_STORAGE' });
    expect(String(error)).toContain('cannot use postgresql://me:***@127.0.0.1:1/db: ');
    expect(String(error)).toContain('ECONNREFUSED');
    expect(JSON.stringify(error) + String(error)).not.toContain('s3cr');
  });

  it.each([
    ['postgresql://u:p@h/d', 'postgresql://u:***@h/d'],
    ['postgresql+psycopg2://u:a@b:c@h:5/d', 'postgresql+psycopg2://u:***@h:5/d'],
    ['postgresql://u@h/d', 'postgresql://u@h/d'],
    ['postgresql://h/d?user=u&password=p%26q&x=1', 'postgresql://h/d?user=u&password=***&x=1'],
  ])('%s is shown as %s', (address, shown) => {
    expect(withoutPassword(address)).toBe(shown);
  });
});

/** LIGHTBOX_PYTHON when it has these modules. */
function pythonWith(...modules: readonly string[]): string | undefined {
  const program = process.env.LIGHTBOX_PYTHON;
  if (program === undefined) return undefined;
  try {
    execFileSync(program, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
    return program;
  } catch {
    process.stderr.write(`Skipped: real Optuna on PostgreSQL; ${program} lacks psycopg\n`);
    return undefined;
  }
}
