import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, it } from '@jest/globals';
import { headline } from '../hpo/headline.ts';
import { killMachines } from '../hpo/killMachines.ts';
import { killSearch } from '../hpo/killSearch.ts';
import { postgresPrograms, postgresReason } from '../hpo/postgresServer.ts';

// `npm run test:hpo` does the same by hand, with more or fewer kills, and has the whole experiment.
const full = process.env.LIGHTBOX_TEST_FULL === '1';
const minutes = 60_000;

describe('a search that is killed again and again', () => {
  it(
    'has the trials of one that never was',
    async () => {
      const result = await killSearch(full ? 30 : 8, 0);
      expect(result.equal).toBe(true);
      expect(result.kills.coordinator).toBeGreaterThan(full ? 15 : 4);
      expect(result.kills.worker).toBeGreaterThan(0);
    },
    5 * minutes,
  );

  (postgresPrograms === undefined ? it.skip : it)(
    `loses no trial on three machines with a database that crashes (${postgresReason})`,
    async () => {
      const rounds = full ? 15 : 4;
      const result = await killMachines(rounds, 0);
      expect(result).toMatchObject({ kills: rounds, trials: 6 * rounds });
      expect(result.crashes).toBeGreaterThan(0);
      expect(result.takenOver).toBeGreaterThan(0);
    },
    5 * minutes,
  );
});

// A dozen trials on real digits take minutes: the full suite only.
(full ? describe : describe.skip)('the search of a generated project', () => {
  it(
    'is the same when it is killed, and best.yaml trains to its value',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'lightbox-headline-'));
      const result = await headline(folder, { trials: 12, randoms: 0, kills: 8 });
      expect(result.equal).toBe(true);
      expect(result.trained).toBe(result.best);
      expect(result.resumed).toBeGreaterThan(0);
      rmSync(folder, { recursive: true, force: true });
    },
    20 * minutes,
  );
});
