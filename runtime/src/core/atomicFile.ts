import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileHandle } from 'node:fs/promises';

/** The file operations that an atomic write needs; tests replace them to make a disk fail. */
export interface FileOps {
  open(path: string, flags: string): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  link(from: string, to: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
}

/**
 * Replaces or creates the file at `path` so that a reader, and a machine that loses power, sees
 * the old content or the new one, never a mixture: a temporary file in the same folder is filled
 * by `fill`, synced and renamed, then the folder is synced. When anything fails, the temporary
 * file is removed and the old content stays.
 * @param folderSynced false: the caller syncs the folder once it is done with several names
 */
export async function replaceFile(
  path: string,
  fill: (file: FileHandle) => Promise<void>,
  ops: FileOps = fs,
  folderSynced = true,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const file = await ops.open(temporary, 'wx');
    try {
      await fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await ops.rename(temporary, path);
  } catch (error) {
    await ops.unlink(temporary).catch(() => undefined);
    throw error;
  }
  if (folderSynced) await syncFolder(dirname(path), ops);
}

/**
 * Gives the file at `from` the name `to` as well, in the same folder and as atomically: nothing is
 * written a second time where the file system has hard links. What becomes of one name later does
 * not change the other. The caller syncs the folder.
 */
export async function linkFile(from: string, to: string, ops: FileOps = fs): Promise<void> {
  const temporary = temporaryPath(to);
  try {
    await ops.link(from, temporary).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
      await ops.copyFile(from, temporary);
      await syncFile(temporary, ops);
    });
    await ops.rename(temporary, to);
    // Between two names of one file, a rename does nothing and leaves both.
    await ops.unlink(temporary).catch(() => undefined);
  } catch (error) {
    await ops.unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function syncFile(path: string, ops: FileOps): Promise<void> {
  const file = await ops.open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** `replaceFile` with the whole content at hand. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  ops: FileOps = fs,
): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(content), ops);
}

/** Makes names that were created, renamed or removed in `folder` survive a loss of power. */
export async function syncFolder(folder: string, ops: FileOps = fs): Promise<void> {
  try {
    const handle = await ops.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Windows and some network file systems cannot open or sync a folder; the rename stands.
    if (!unsyncable.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Removes what interrupted atomic writes left in `folder`; returns the names. */
export async function sweepLeftovers(folder: string, ops: FileOps = fs): Promise<string[]> {
  const leftovers = (await ops.readdir(folder)).filter((name) => leftoverName.test(name));
  await Promise.all(leftovers.map((name) => ops.unlink(join(folder, name)).catch(() => undefined)));
  return leftovers;
}

const unsyncable = new Set(['EISDIR', 'EPERM', 'EINVAL', 'EBADF', 'ENOTSUP', 'EACCES']);
const leftoverName = /^\..+\.part-[0-9a-f]{12}$/;

function temporaryPath(path: string): string {
  const suffix = randomBytes(6).toString('hex');
  return join(dirname(path), `.${basename(path)}.part-${suffix}`);
}
