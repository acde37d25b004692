import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sanitizeFileName } from '../core/fileNames.ts';
import { UsageError } from '../errors.ts';
import { isDiskFull } from '../hpo/journal/diskFull.ts';
import type { Plain } from '../hpo/plain.ts';
import { JournalStorage } from '../hpo/storages/journalStorage.ts';
import { PostgresStorage } from '../hpo/storages/postgresStorage.ts';
import { isPostgresAddress } from '../hpo/storages/rdbAddress.ts';
import type { Storage } from '../hpo/storages/storage.ts';
import type { HpoFlags } from './hpoFlags.ts';
import type { HpoHost } from './runSearch.ts';
import { StudyLease } from './studyLease.ts';

/** Where a search keeps its study and its files. */
export interface StudyPlace {
  readonly name: string;
  /** Relative to the project, as in the commands to paste. */
  readonly folder: string;
  /** Path of a journal or address of a database. */
  readonly storage: string;
  /** What is there of the study is thrown away first: a test of the search. */
  readonly startsAnew: boolean;
  /** System attributes of the study that `--resume-from` names. */
  readonly attrs: Readonly<Record<string, Plain>>;
}

/** An open storage with the right to run trials from it. */
export interface OpenStudy {
  readonly storage: Storage;
  /** Ends the waiting for a storage that is away: what it has not taken is lost. */
  readonly giveUp: () => void;
  close(): Promise<void>;
}

/** Name of the journal in a study's folder. */
export const JOURNAL = 'study.journal';
/** How long a full disk is waited for, as a database that is away. */
const PATIENCE_MS = 600_000;

/** Name, folder and storage as flags and project say. */
export async function placeOf(flags: HpoFlags, projectName?: string): Promise<StudyPlace> {
  if (flags.resumeFrom !== null) return earlier(flags.resumeFrom, flags.studyName);
  const own = projectName ?? 'study';
  const name = flags.studyName ?? (flags.testMode ? `${own}-test` : own);
  const folder = join('runs', 'hpo', sanitizeFileName(name));
  const storage = flags.storage ?? join(folder, JOURNAL);
  if (!isPostgresAddress(storage)) refuseAddress(storage);
  const startsAnew = flags.testMode && flags.studyName === null && flags.storage === null;
  return { name, folder, storage, startsAnew, attrs: {} };
}

/**
 * Opens the storage. A journal has one coordinator at a time, whose end is waited for; a database
 * has any number.
 * @returns undefined when the user gave up waiting
 */
export async function openStudy(place: StudyPlace, host: HpoHost): Promise<OpenStudy | undefined> {
  const { storage: where, name, folder } = place;
  const patience = new AbortController();
  const giveUp = (): void => {
    patience.abort();
  };
  const onOutage = (text: string): void => {
    host.terminal.line(text);
  };
  const outages = { onOutage, signal: patience.signal };
  if (isPostgresAddress(where)) {
    const storage = await PostgresStorage.open(where, outages);
    mkdirSync(folder, { recursive: true });
    return { storage, giveUp, close: () => storage.close() };
  }
  mkdirSync(folder, { recursive: true });
  const storage = new JournalStorage(where, { ...outages, patienceMs: PATIENCE_MS });
  const lease = await waitForLease(where, name, host);
  if (lease === undefined) return undefined;
  if (place.startsAnew) await forget(storage, place);
  const close = async (): Promise<void> => {
    lease.release();
    await storage.close();
  };
  return { storage, giveUp, close };
}

async function earlier(path: string, wanted: string | null): Promise<StudyPlace> {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const storage = isFolder ? join(path, JOURNAL) : path;
  if (!existsSync(storage)) {
    const message = `--resume-from ${path}: there is no ${isFolder ? storage : 'such file or folder'}`;
    throw new UsageError('ERR_HPO_STORAGE', message);
  }
  const journal = new JournalStorage(storage);
  const studies = await journal.studies();
  const names = studies.map((study) => study.name);
  await journal.close();
  const name = wanted ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined || !names.includes(name)) {
    const list = names.map((each) => `"${each}"`).join(', ') || 'none';
    const message = `--resume-from ${path} has the studies ${list}; name one with --study-name`;
    throw new UsageError('ERR_HPO_STUDY_UNKNOWN', message);
  }
  const folder =
    basename(storage) === JOURNAL ? dirname(storage) : join('runs', 'hpo', sanitizeFileName(name));
  const attrs = studies[names.indexOf(name)].systemAttrs;
  return { name, folder, storage, startsAnew: false, attrs };
}

async function takeLease(journal: string, study: string) {
  try {
    return await StudyLease.take(journal, study);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    const message = `cannot write beside ${journal}: the disk is full. Free some space and run the same command again`;
    throw new UsageError('ERR_HPO_STORAGE', message, { cause: error });
  }
}

/** Removes an earlier study of that name with its trials' folders. */
async function forget(storage: Storage, { name, folder }: StudyPlace): Promise<void> {
  const earlierOne = (await storage.studies()).find((study) => study.name === name);
  if (earlierOne === undefined) return;
  await storage.deleteStudy(earlierOne.id);
  const trials = readdirSync(folder).filter((entry) => /^trial_\d+$/.test(entry));
  for (const trial of trials) rmSync(join(folder, trial), { recursive: true, force: true });
}

function refuseAddress(storage: string): void {
  const scheme = /^([a-z][a-z0-9+]+):\/\//i.exec(storage)?.[1];
  if (scheme === undefined) return;
  const message = `--storage: ${scheme}:// is not supported; give the path of a journal file, or postgresql://user@host/database`;
  throw new UsageError('ERR_HPO_STORAGE', message);
}

/** Waits while another process coordinates the study; undefined when asked to stop. */
async function waitForLease(
  journal: string,
  study: string,
  host: HpoHost,
): Promise<StudyLease | undefined> {
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  const offs = (['SIGINT', 'SIGTERM'] as const).map((name) => host.signals.on(name, stop));
  try {
    for (let round = 0; ; round++) {
      const lease = await takeLease(journal, study);
      if (lease instanceof StudyLease) return lease;
      if (round === 0) {
        host.terminal.line(
          `Study "${study}" is being run by process ${lease.pid} on ${lease.host}; waiting for it. Ctrl-C gives up.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (stopped) return undefined;
    }
  } finally {
    for (const off of offs) off();
  }
}
