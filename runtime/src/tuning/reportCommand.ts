import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../core/atomicFile.ts';
import { UsageError } from '../errors.ts';
import { freezeDeeply } from '../hpo/plain.ts';
import { JournalStorage } from '../hpo/storages/journalStorage.ts';
import { PostgresStorage } from '../hpo/storages/postgresStorage.ts';
import { isPostgresAddress } from '../hpo/storages/rdbAddress.ts';
import type { Storage } from '../hpo/storages/storage.ts';
import { Study } from '../hpo/study.ts';
import { trialsTable } from '../hpo/trialsTable.ts';
import type { HpoFlags } from './hpoFlags.ts';
import { csvText } from './report/csvText.ts';
import type { HpoHost, HpoOptions } from './runSearch.ts';
import { StudyResults } from './studyResults.ts';
import { asBefore, settingsOf } from './studySettings.ts';
import type { StudyPlace } from './studyStorage.ts';

/**
 * `--report` and `--export`: files about a study as it is now, also while a search runs.
 * @returns the exit code
 */
export async function reportCommand(
  options: HpoOptions,
  host: HpoHost,
  given: HpoFlags,
  place: StudyPlace,
): Promise<number> {
  const storage = await openForReading(place);
  try {
    const study = await openStudy(place, storage);
    if (given.exportTo !== null) await exportTrials(study, given.exportTo, host);
    if (!given.report) return 0;
    const flags = asBefore(given, settingsOf((await study.record()).systemAttrs));
    const configFiles = flags.configFiles.length > 0 ? flags.configFiles : options.configFiles;
    const base = freezeDeeply(await host.side.baseConfig(configFiles, flags.overrides));
    const { folder } = place;
    const results = new StudyResults({ options, host, flags, study, base, folder, configFiles });
    await results.comparison();
    mkdirSync(folder, { recursive: true });
    await results.write();
    await results.summarize();
    return 0;
  } finally {
    await storage.close();
  }
}

async function openForReading({ storage }: StudyPlace): Promise<Storage> {
  if (isPostgresAddress(storage)) return PostgresStorage.open(storage);
  if (existsSync(storage)) return new JournalStorage(storage);
  throw new UsageError(
    'ERR_HPO_STORAGE',
    `there is no study to report about: no file ${storage}. Name another with --study-name, --storage or --resume-from`,
  );
}

async function openStudy({ name }: StudyPlace, storage: Storage): Promise<Study> {
  const studies = await storage.studies();
  if (studies.some((study) => study.name === name)) return Study.load({ name, storage });
  const names = studies.map((study) => `"${study.name}"`).join(', ') || 'none';
  throw new UsageError(
    'ERR_HPO_STUDY_UNKNOWN',
    `${storage.location} has no study "${name}"; it has ${names}. Name one with --study-name`,
  );
}

async function exportTrials(study: Study, path: string, { terminal }: HpoHost): Promise<void> {
  const rows = await trialsTable(study);
  mkdirSync(dirname(path), { recursive: true });
  await writeFileAtomic(path, csvText(rows));
  terminal.line(`${rows.length} trials of study "${study.name}" in ${path}`);
}
