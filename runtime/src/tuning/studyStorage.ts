import { existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sanitizeFileName } from '../core/fileNames.ts';
import { UsageError } from '../errors.ts';
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
}

/** An open storage with the right to run trials from it. */
export interface OpenStudy {
  readonly storage: Storage;
  close(): Promise<void>;
}

const JOURNAL = 'study.journal';

/** Name, folder and storage as flags and project say. */
export async function placeOf(flags: HpoFlags, projectName?: string): Promise<StudyPlace> {
  if (flags.resumeFrom !== null) return earlier(flags.resumeFrom, flags.studyName);
  const name = flags.studyName ?? projectName ?? 'study';
  const folder = join('runs', 'hpo', sanitizeFileName(name));
  const storage = flags.storage ?? join(folder, JOURNAL);
  if (!isPostgresAddress(storage)) refuseAddress(storage);
  return { name, folder, storage };
}

/**
 * Opens the storage. A journal has one coordinator at a time, whose end is waited for; a database
 * has any number.
 * @returns undefined when the user gave up waiting
 */
export async function openStudy(place: StudyPlace, host: HpoHost): Promise<OpenStudy | undefined> {
  const { storage: where, name, folder } = place;
  if (isPostgresAddress(where)) {
    const storage = await PostgresStorage.open(where, {
      onOutage: (text) => {
        host.terminal.line(text);
      },
    });
    mkdirSync(folder, { recursive: true });
    return { storage, close: () => storage.close() };
  }
  mkdirSync(folder, { recursive: true });
  const storage = new JournalStorage(where);
  const lease = await waitForLease(where, name, host);
  if (lease === undefined) return undefined;
  const close = async (): Promise<void> => {
    lease.release();
    await storage.close();
  };
  return { storage, close };
}

async function earlier(path: string, wanted: string | null): Promise<StudyPlace> {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const storage = isFolder ? join(path, JOURNAL) : path;
  if (!existsSync(storage)) {
    const message = `--resume-from ${path}: there is no ${isFolder ? storage : 'such file or folder'}`;
    throw new UsageError('ERR_HPO_STORAGE', message);
  }
  const journal = new JournalStorage(storage);
  const names = (await journal.studies()).map((study) => study.name);
  await journal.close();
  const name = wanted ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined || !names.includes(name)) {
    const list = names.map((each) => `"${each}"`).join(', ') || 'none';
    const message = `--resume-from ${path} has the studies ${list}; name one with --study-name`;
    throw new UsageError('ERR_HPO_STUDY_UNKNOWN', message);
  }
  const folder =
    basename(storage) === JOURNAL ? dirname(storage) : join('runs', 'hpo', sanitizeFileName(name));
  return { name, folder, storage };
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
      const lease = await StudyLease.take(journal, study);
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
