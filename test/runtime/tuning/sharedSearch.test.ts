import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  afterAll,
  beforeAll,
  beforeEach,
  afterEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { PostgresStorage } from '../../../runtime/src/hpo/index.ts';
import { PostgresServer, postgresPrograms, postgresReason } from '../../hpo/postgresServer.ts';
import { expectWhole } from '../../hpo/expectWhole.ts';
import { FakeSearch, hasNamespaces } from './fakeSearch.ts';

// Real processes on a machine that may be busy with other tests.
jest.setTimeout(120_000);

if (postgresPrograms === undefined) {
  process.stderr.write(`Skipped: searches of many machines; ${postgresReason}\n`);
}

(postgresPrograms === undefined ? describe.skip : describe)(
  `a search of several machines on one database (${postgresReason})`,
  () => {
    let server: PostgresServer;
    let search: FakeSearch;
    beforeAll(async () => {
      server = await PostgresServer.start();
    });
    afterAll(() => server.remove());
    beforeEach(() => {
      search = new FakeSearch();
    });
    afterEach(() => {
      search.remove();
    });

    it('comes to exactly its total when one is killed and the database crashes', async () => {
      server.database('shared');
      const args = ['--n-trials', '8', '--grace-period', '2'];
      const storage = ['--storage', server.socketUrl('shared')];
      const start = (name: string) =>
        search.start([...args, ...storage], {
          stepMs: 60,
          ...(hasNamespaces ? { machine: name } : {}),
        });
      const machines = ['one', 'two', 'three'].map(start);
      await Promise.all(machines.map((machine) => machine.printed(/Study "fake"/)));
      await sleep(300);
      machines[0].child.kill('SIGKILL');
      await server.down();
      await sleep(200);
      await server.up();
      const [, second, third] = await Promise.all(machines.map(({ end }) => end));
      expect([second.code, third.code, second.output + third.output]).toEqual([
        0,
        0,
        expect.stringContaining('The database is back.'),
      ]);
      const trials = await search.trials(await PostgresStorage.open(server.url('shared')));
      expectWhole(trials, 8);
      const hosts = new Set(
        trials.map(({ systemAttrs }) => (systemAttrs['lightbox:attempt'] as { host: string }).host),
      );
      expect(hosts.size).toBeGreaterThanOrEqual(hasNamespaces ? 2 : 1);
    });

    it('says that the database cannot be reached, without its password', async () => {
      const url = 'postgresql://me:s3cret@127.0.0.1:1/x';
      const { code, output } = await search.run(['--storage', url]);
      expect(code).toBe(2);
      expect(output).toContain('error: cannot use postgresql://me:***@127.0.0.1:1/x: ');
      expect(output).not.toContain('s3cret');
    });
  },
);
