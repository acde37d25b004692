import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { JournalStorage, Study } from '../../../runtime/src/hpo/index.ts';
import { dumpStorage } from './dumpStorage.ts';

const python = process.env.LIGHTBOX_PYTHON;
const script = fileURLToPath(new URL('fixtures/optuna_journal.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lightbox-optuna-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function optuna(command: string, journal: string): string {
  return execFileSync(python ?? '', [script, command, journal], { encoding: 'utf8' });
}

/** Six trials of ours, some of them pruned, failed and enqueued. */
async function proceed(journal: string): Promise<void> {
  const storage = new JournalStorage(journal);
  const name = (await storage.studies())[0]?.name ?? 'ours';
  const study = await Study.create({ name, storage, loadIfExists: true });
  await study.enqueueTrial({ x: 0.75 });
  for (let index = 0; index < 6; index++) {
    const trial = await study.ask();
    trial.suggestFloat('x', 0, 1);
    trial.suggestInt('m', 1, 1000, { log: true });
    trial.suggestCategorical('opt', ['adam', 'sgd', null, true, 2.5, 3]);
    await trial.report(index % 3 === 1 ? NaN : index, 0);
    await trial.report(Infinity, 10);
    if (index === 2) await study.tell(trial, undefined, { state: 'PRUNED' });
    else if (index === 3) await study.tell(trial, NaN, { userAttrs: { fail_reason: 'é' } });
    else if (index < 5) await study.tell(trial, index);
  }
  await storage.close();
}

async function ourDump(journal: string): Promise<unknown> {
  const storage = new JournalStorage(journal);
  const dump = await dumpStorage(storage);
  await storage.close();
  return dump;
}

const reason = 'set LIGHTBOX_PYTHON to a Python that has optuna';
if (python === undefined) process.stderr.write(`Skipped: real Optuna on our journals; ${reason}\n`);

// The committed files of Optuna 5.0.0 are checked without it, in journalFormat.test.ts.
(python === undefined ? describe.skip : describe)(`with real Optuna (${reason})`, () => {
  it('it reads and continues our journal, and we its continuation', async () => {
    const journal = join(folder, 'ours.journal');
    await proceed(journal);
    expect(JSON.parse(optuna('dump', journal))).toEqual(await ourDump(journal));
    optuna('continue', journal);
    const dump = await ourDump(journal);
    expect(JSON.parse(optuna('dump', journal))).toEqual(dump);
    expect(dump).toMatchObject([{ trials: { length: 10 } }]);
  }, 60_000);

  it('we read and continue its journal, and it our continuation', async () => {
    const journal = join(folder, 'theirs.journal');
    optuna('write', journal);
    await proceed(journal);
    optuna('continue', journal);
    await proceed(journal);
    expect(JSON.parse(optuna('dump', journal))).toEqual(await ourDump(journal));
  }, 60_000);

  it('it can append after a line that was cut and that we repaired', async () => {
    const journal = join(folder, 'torn.journal');
    await proceed(journal);
    writeFileSync(journal, readFileSync(journal, 'utf8').slice(0, -30));
    await proceed(journal);
    optuna('continue', journal);
    expect(JSON.parse(optuna('dump', journal))).toEqual(await ourDump(journal));
  }, 60_000);
});
