import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isUsageError, messageOf } from '../../errors.ts';
import { byteSizeText } from './byteSize.ts';
import { folderError, type CacheStore } from './cacheStore.ts';
import { entryFile, sizeOnDisk, type Manifest } from './entryFiles.ts';
import { dropUnfinished, fillEntry, finishedSamples, type FillFiles } from './fillEntry.ts';
import { FillLock } from './fillLock.ts';
import { ProgressMeter, type CacheReport } from './fillProgress.ts';
import type { Holder } from './holder.ts';

export interface PrepareRequest {
  readonly store: CacheStore;
  readonly about: Pick<Manifest, 'key' | 'name' | 'source' | 'transform' | 'project'>;
  readonly samples: number;
  readonly make: (id: number) => unknown;
  /** Bytes that all entries together may have. */
  readonly limit: number;
  /** Opens the finished entry; false when there is none. */
  readonly open: () => boolean;
  readonly report: CacheReport;
  readonly files?: FillFiles | undefined;
}

/** An error of the data itself, which must not be taken for one of the cache's folder. */
class SourceFailure extends Error {}

const pollMs = 100;

/**
 * Opens an entry, filling it first when nobody has. Of several processes one fills, the others
 * wait; when it dies, the next goes on where it stopped.
 * @throws UsageError when the cache cannot be used; errors of the data as they are
 */
export async function prepareEntry(request: PrepareRequest): Promise<void> {
  const { store, about, open, report } = request;
  if (open()) return;
  try {
    const folder = store.makeFolder(about.key);
    const meter = new ProgressMeter(report, about.name, request.samples);
    let told = false;
    while (!open()) {
      const lock = FillLock.take(join(folder, entryFile.lock));
      if (lock instanceof FillLock) {
        await fillLocked(request, folder, lock, meter);
        if (!open()) throw new Error(`The entry ${folder} was filled but cannot be opened.`);
        return;
      }
      if (!told) report.line(waitingLine(about.name, lock));
      told = true;
      report.signal?.throwIfAborted();
      meter.update(await finishedSamples(folder), holderText(lock));
      await sleep(pollMs);
    }
  } catch (error) {
    if (error instanceof SourceFailure) throw error.cause;
    throw folderError(error, store.root, store.from);
  }
}

async function fillLocked(
  request: PrepareRequest,
  folder: string,
  lock: FillLock,
  meter: ProgressMeter,
): Promise<void> {
  const { about, samples, report } = request;
  try {
    // Whoever had the lock may have finished in the meantime.
    if (request.open()) return;
    report.line(`Caching ${about.name}: ${samples.toLocaleString('en-US')} samples in ${folder}`);
    await fillEntry({
      folder,
      about,
      samples,
      files: request.files,
      make: (id) => fromSource(request.make, id),
      reserve: (bytes) => reserve(request, bytes, folder),
      progress: (done) => {
        report.signal?.throwIfAborted();
        if (!lock.touch()) throw new Error(`Another process took over the entry ${folder}.`);
        meter.update(done);
      },
    });
    report.line(`Cached ${about.name}: ${byteSizeText(sizeOnDisk(folder))}`);
  } catch (error) {
    // A full disk is not to stay full because of half an entry.
    if (isFull(error)) await dropUnfinished(folder);
    throw error;
  } finally {
    lock.release();
  }
  if (request.open()) return;
  rmSync(join(folder, entryFile.manifest), { force: true });
}

function reserve({ store, limit, report }: PrepareRequest, bytes: number, folder: string): void {
  const removed = store.makeRoom(bytes, limit, folder);
  for (const { manifest, id, bytes: freed } of removed) {
    report.line(
      `Cache: removed ${manifest?.name ?? id} (${byteSizeText(freed)}, longest unused) to stay below ${byteSizeText(limit)}`,
    );
  }
}

function fromSource(make: (id: number) => unknown, id: number): unknown {
  const failed = (cause: unknown): never => {
    throw new SourceFailure(messageOf(cause), { cause });
  };
  try {
    const sample = make(id);
    return sample instanceof Promise ? sample.catch(failed) : sample;
  } catch (error) {
    return failed(error);
  }
}

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function holderText({ pid, host }: Holder): string {
  return `process ${pid} on ${host}`;
}

function waitingLine(name: string, holder: Holder): string {
  return `Cache: ${holderText(holder)} is filling ${name} already; waiting for it`;
}

/** Whether a run can go on without the cache after this error. */
export function isCacheTrouble(error: unknown): boolean {
  return isUsageError(error) && troubles.has(error.code);
}

const troubles = new Set(['ERR_DATA_CACHE_FULL', 'ERR_DATA_CACHE_FOLDER', 'ERR_DATA_CACHE_LIMIT']);
