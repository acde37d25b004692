import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { env } from 'node:process';
import { z } from 'zod';
import { didYouMean, messageOf, UsageError } from '../../errors.ts';
import { syncFolder } from '../../core/atomicFile.ts';
import { cacheFolder } from '../cache/cacheFolder.ts';
import { parseOptions } from '../parseOptions.ts';
import { HubClient, type HubFile } from './hubClient.ts';

export const hubDownloadSchema = z.strictObject({
  repo: z
    .string()
    .regex(/^[\w.-]+(\/[\w.-]+)?$/, 'expected <owner>/<name>')
    .describe('Repository: <owner>/<name>'),
  kind: z.enum(['dataset', 'model']).default('dataset').describe('What the repository is'),
  revision: z.string().min(1).default('main').describe('Branch, tag or commit'),
  files: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe('Files to have; * stands for any characters; null: all'),
  endpoint: z
    .url()
    .nullable()
    .default(null)
    .describe('Address of the hub; null: HF_ENDPOINT, else https://huggingface.co'),
  folder: z
    .string()
    .nullable()
    .default(null)
    .describe('Folder for downloads; null: the folder "hub" of the cache'),
  token: z
    .string()
    .nullable()
    .default(null)
    .describe('Access token, never printed or stored; null: HF_TOKEN'),
  attempts: z.int().min(1).default(5).describe('Tries of a request before it is an error'),
  pauseMs: z.int().min(0).default(1000).describe('First pause between tries, doubled after each'),
});

export type HubDownloadOptions = z.input<typeof hubDownloadSchema>;

/** What was downloaded. */
export interface HubDownload {
  /** The commit that the revision stood for. */
  readonly commit: string;
  /** Folder that holds the files under their paths in the repository. */
  readonly folder: string;
  /** Absolute paths by path in the repository. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Has files of a Hugging Face repository in `folder`/<kind>s--<owner>--<name>/<commit>. Files that
 * are there are not asked for again; one that was begun is continued; each gets its name only when
 * its size and hash (sha256, or git's for small files) are right. Busy or failing servers (429, 5xx,
 * broken connections) are asked again, after the pause they ask for.
 *
 * @param onProgress called with bytes done and bytes in all, of one file at a time
 * @throws UsageError (ERR_DATA_HUB) for what does not exist, is refused, or arrives damaged
 */
export async function downloadFromHub(
  options: HubDownloadOptions,
  onProgress: (file: string, done: number, total: number) => void = () => undefined,
): Promise<HubDownload> {
  const parsed = parseOptions(hubDownloadSchema, options, 'downloadFromHub');
  const { repo, kind, revision } = parsed;
  const client = new HubClient({
    ...parsed,
    endpoint: parsed.endpoint ?? set(env.HF_ENDPOINT) ?? 'https://huggingface.co',
    token: parsed.token ?? set(env.HF_TOKEN),
  });
  const commit = /^[0-9a-f]{40}$/.test(revision) ? revision : await client.commit();
  const chosen = choose(await client.files(commit), parsed.files, `${kind} ${repo} at ${revision}`);
  const root = parsed.folder ?? join(cacheFolder().path, 'hub');
  const folder = resolve(root, `${kind}s--${repo.replace('/', '--')}`, commit);
  const files: Record<string, string> = {};
  for (const file of chosen) {
    const path = safePath(folder, file.path);
    files[file.path] = path;
    if (existsSync(path)) continue;
    await fetchFile(client, file, commit, path, (done) => {
      onProgress(file.path, done, file.size);
    });
  }
  return { commit, folder, files };
}

/** Of variables that are set to nothing as if they were not. */
function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function choose(
  all: readonly HubFile[],
  patterns: readonly string[] | null,
  where: string,
): HubFile[] {
  if (patterns === null) return [...all];
  const names = all.map(({ path }) => path);
  const chosen = new Set<HubFile>();
  for (const pattern of patterns) {
    const source = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replace(/\*/g, '.*');
    const found = all.filter(({ path }) => new RegExp(`^${source}$`).test(path));
    if (found.length === 0) {
      const list = names.slice(0, 20).join(', ');
      throw new UsageError(
        'ERR_DATA_HUB',
        `The ${where} has no file "${pattern}".${didYouMean(pattern, names)} It has: ${list}${names.length > 20 ? ', …' : ''}`,
      );
    }
    for (const file of found) chosen.add(file);
  }
  return [...chosen];
}

/** A server decides the names: none may lead out of the folder. */
function safePath(folder: string, path: string): string {
  const absolute = join(folder, path);
  if (absolute.startsWith(join(folder, '/')) && !path.includes('\\')) return absolute;
  throw new UsageError('ERR_DATA_HUB', `The hub lists a file outside its repository: "${path}".`);
}

async function fetchFile(
  client: HubClient,
  file: HubFile,
  commit: string,
  path: string,
  progress: (done: number) => void,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // One name for all processes: a later one goes on where an earlier one was killed. Two at once
  // would write the same bytes to the same places.
  const partial = `${path}.${file.hash.hex.slice(0, 16)}.incomplete`;
  for (let attempt = 1; ; attempt++) {
    let problem: string;
    try {
      await append(client, file, commit, partial, progress);
      const found = await hashOf(partial, file);
      if (found === file.hash.hex) break;
      problem = `its ${file.hash.kind === 'git' ? 'git hash' : 'sha256'} is ${found}, expected ${file.hash.hex}`;
      await rm(partial);
    } catch (error) {
      if (!isBrokenTransfer(error)) throw error;
      problem = messageOf(error);
    }
    await client.pause(
      attempt,
      () =>
        new UsageError(
          'ERR_DATA_HUB',
          `${file.path} of ${commit.slice(0, 8)} did not arrive whole in ${attempt} tries: ${problem}. Run again to go on from there.`,
        ),
    );
  }
  await rename(partial, path);
  await syncFolder(dirname(path));
}

/** What a connection that ends in the middle throws (by name: other realms have their own), and ours. */
function isBrokenTransfer(error: unknown): boolean {
  if (error instanceof ShortTransfer) return true;
  const { name, cause } = error as { name?: unknown; cause?: unknown };
  return name === 'TypeError' && cause !== undefined;
}

class ShortTransfer extends Error {}

async function append(
  client: HubClient,
  file: HubFile,
  commit: string,
  partial: string,
  progress: (done: number) => void,
): Promise<void> {
  let start = await stat(partial).then(
    ({ size }) => size,
    () => 0,
  );
  if (start > file.size) {
    await rm(partial);
    start = 0;
  }
  if (start === file.size && file.size > 0) return;
  const response = await client.download(file.path, commit, start);
  // A server without ranges begins again.
  let position = response.status === 206 ? start : 0;
  const out = await open(partial, position === 0 ? 'w' : 'r+');
  try {
    for await (const chunk of response.body ?? []) {
      const bytes = chunk as Uint8Array;
      if (position + bytes.length > file.size) {
        throw new ShortTransfer(`more than ${file.size} bytes came`);
      }
      await out.write(bytes, 0, bytes.length, position);
      position += bytes.length;
      progress(position);
    }
    await out.sync();
  } finally {
    await out.close();
  }
  if (position < file.size) throw new ShortTransfer(`${position} of ${file.size} bytes came`);
}

async function hashOf(path: string, { hash, size }: HubFile): Promise<string> {
  const sum: Hash = createHash(hash.kind === 'git' ? 'sha1' : 'sha256');
  // Git hashes its own header in front of the content.
  if (hash.kind === 'git') sum.update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path)) sum.update(chunk as Buffer);
  return sum.digest('hex');
}
