import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { mkdir, rename, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { RenderedProject } from '../render/render.ts';
import { UsageError } from '../common/errors.ts';

/**
 * Refuses a target that cannot become a project: so that people learn it before any question.
 * @throws UsageError ERR_TARGET_PROJECT, ERR_TARGET_NOT_EMPTY, ERR_TARGET_NOT_FOLDER
 */
export function checkTarget(target: string): void {
  const found = statusOf(target);
  if (found === undefined) return;
  if (found.isSymbolicLink()) {
    throw new UsageError(
      'ERR_TARGET_NOT_FOLDER',
      `${target} is a symbolic link; it is not followed. Name the folder that it points to.`,
    );
  }
  if (!found.isDirectory()) {
    throw new UsageError('ERR_TARGET_NOT_FOLDER', `${target} exists and is no folder.`);
  }
  if (existsSync(join(target, '.lightbox', 'state.json'))) {
    throw new UsageError(
      'ERR_TARGET_PROJECT',
      `${target} already is a LightBox project. "lightbox update", which brings a project to a ` +
        'newer template, comes with a later version; take another name for a new project.',
    );
  }
  const [first] = readdirSync(target);
  if (first !== undefined) {
    throw new UsageError(
      'ERR_TARGET_NOT_EMPTY',
      `${target} is not empty (it holds ${JSON.stringify(first)}). Take another name or an empty folder.`,
    );
  }
}

function statusOf(target: string): Stats | undefined {
  try {
    return lstatSync(target, { throwIfNoEntry: false });
  } catch (error) {
    throw explained(error, target);
  }
}

/**
 * Writes a project in one step: into a folder beside the target, which is renamed when complete.
 * A process killed in between leaves no half project under the target's name.
 * @param signal aborting it removes what was written so far
 * @throws UsageError of `checkTarget`, ERR_INTERRUPTED, or ERR_TARGET_WRITE when the system refuses
 */
export async function writeProject(
  target: string,
  project: RenderedProject,
  signal?: AbortSignal,
): Promise<void> {
  const folder = resolve(target);
  checkTarget(folder);
  const staging = join(dirname(folder), `.${basename(folder)}.lightbox-${suffix()}`);
  try {
    removeLeftovers(folder);
    await mkdir(dirname(folder), { recursive: true });
    await mkdir(staging);
    for (const [path, { bytes, mode }] of project) {
      stopIfAborted(signal);
      const file = insideOf(staging, path);
      await mkdir(dirname(file), { recursive: true });
      // "wx": never through something that is already there.
      await writeFile(file, bytes, { mode, flag: 'wx' });
    }
    stopIfAborted(signal);
    // An empty folder is replaced; one that was filled meanwhile makes this fail, as it should.
    if (existsSync(folder)) await rmdir(folder);
    await rename(staging, folder);
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw explained(error, folder);
  }
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new UsageError('ERR_INTERRUPTED', 'Interrupted; nothing was written.');
  }
}

const leftover = /\.lightbox-(\d+)-[0-9a-f]{8}$/;

function suffix(): string {
  return `${String(process.pid)}-${randomBytes(4).toString('hex')}`;
}

/** Removes what a killed run for the same target left beside it. */
function removeLeftovers(folder: string): void {
  const parent = dirname(folder);
  if (!existsSync(parent)) return;
  for (const entry of readdirSync(parent)) {
    const match = leftover.exec(entry);
    if (match === null || !entry.startsWith(`.${basename(folder)}.lightbox-`)) continue;
    if (!isAlive(Number(match[1]))) rmSync(join(parent, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function insideOf(root: string, path: string): string {
  const file = resolve(root, path);
  if (!file.startsWith(root + sep)) throw new Error(`Rendered path leaves the project: ${path}`);
  return file;
}

function explained(error: unknown, folder: string): unknown {
  if (error instanceof UsageError || !isSystemError(error)) return error;
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'the folder above is not writable for you',
    EPERM: 'the folder above is not writable for you',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of the path is a file',
    EEXIST: 'a part of the path is a file',
    ENOTEMPTY: 'the folder was filled meanwhile',
    ENAMETOOLONG: 'the path is too long',
  };
  const reason = reasons[error.code] ?? error.message;
  return new UsageError(
    'ERR_TARGET_WRITE',
    `Cannot write ${folder}: ${reason} (${error.code}). Nothing was written there.`,
  );
}

function isSystemError(error: unknown): error is { code: string; message: string } {
  return typeof error === 'object' && error !== null && 'code' in error && 'syscall' in error;
}
