import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { didYouMean, UsageError } from '../../errors.ts';
import type { Plain } from '../../hpo/plain.ts';
import { JournalStorage } from '../../hpo/storages/journalStorage.ts';
import type { Storage, StudyRecord } from '../../hpo/storages/storage.ts';
import type { Study } from '../../hpo/study.ts';
import { settingsOf } from '../studySettings.ts';
import { JOURNAL } from '../studyStorage.ts';
import type { Compared } from './comparison.ts';
import { searchRecordOf } from './searchRecord.ts';

/**
 * The studies that `--compare` names: by name in the study's own storage, by the name of a folder
 * beside its own, or by the path of a folder or journal.
 * @throws UsageError ERR_HPO_COMPARE for one that is not there, with those that are
 */
export async function comparedStudies(
  names: readonly string[],
  study: Study,
  folder: string,
): Promise<Compared[]> {
  if (names.length === 0) return [];
  const own = await study.record();
  const there = await study.storage.studies();
  const found: Compared[] = [];
  for (const name of names) {
    const sibling = join(dirname(folder), name);
    const journal = [sibling, name].map(journalAt).find((path) => path !== undefined);
    const record = there.find((each) => each.name === name && each.id !== own.id);
    if (record !== undefined) found.push(await compared(study.storage, record, own));
    else if (journal !== undefined) found.push(await inJournal(journal, own));
    else throw unknown(name, [...there.map((each) => each.name), ...folders(dirname(folder))], own);
  }
  return found;
}

async function inJournal(path: string, own: StudyRecord): Promise<Compared> {
  const storage = new JournalStorage(path);
  try {
    const studies = await storage.studies();
    const name = basename(dirname(path));
    const record = studies.length === 1 ? studies[0] : studies.find((each) => each.name === name);
    if (record !== undefined) return await compared(storage, record, own);
    const names = studies.map((each) => `"${each.name}"`).join(', ') || 'none';
    throw problem(`--compare ${path}: expected one study in it, there are ${names}`);
  } finally {
    await storage.close();
  }
}

async function compared(
  storage: Storage,
  record: StudyRecord,
  own: StudyRecord,
): Promise<Compared> {
  if (record.directions.join() !== own.directions.join()) {
    throw problem(
      `--compare ${record.name}: its direction is ${record.directions.join()}, that of "${own.name}" ${own.directions.join()}`,
    );
  }
  return {
    study: record.name,
    sampler: searchRecordOf(record.systemAttrs)?.sampler ?? null,
    trials: await storage.trials(record.id),
    differences: differences(own.systemAttrs, record.systemAttrs),
  };
}

/** Other data or lengths: values that were found under other conditions. */
function differences(
  own: Readonly<Record<string, Plain>>,
  other: Readonly<Record<string, Plain>>,
): string[] {
  const [mine, its] = [settingsOf(own), settingsOf(other)];
  if (mine === undefined || its === undefined) return [];
  const keys = Object.keys(mine) as (keyof typeof mine)[];
  return keys
    .filter((key) => !isDeepStrictEqual(mine[key], its[key]))
    .map((key) => `${key} ${JSON.stringify(its[key])}, here ${JSON.stringify(mine[key])}`);
}

function journalAt(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  if (!statSync(path).isDirectory()) return path;
  const inside = join(path, JOURNAL);
  return existsSync(inside) ? inside : undefined;
}

function folders(above: string): string[] {
  if (!existsSync(above)) return [];
  return readdirSync(above).filter((name) => journalAt(join(above, name)) !== undefined);
}

function unknown(name: string, known: readonly string[], own: StudyRecord): UsageError {
  const others = [...new Set(known)].filter((each) => each !== own.name);
  const list = others.map((each) => `"${each}"`).join(', ') || 'none';
  const hint = didYouMean(name, others);
  return problem(
    `--compare ${name}: there is no such study or file.${hint} Other studies: ${list}`,
  );
}

function problem(message: string): UsageError {
  return new UsageError('ERR_HPO_COMPARE', message);
}
