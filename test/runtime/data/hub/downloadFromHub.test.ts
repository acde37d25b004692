import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { listFiles } from '@huggingface/hub';
import {
  downloadFromHub,
  type HubDownloadOptions,
} from '../../../../runtime/src/data/hub/downloadFromHub.ts';
import { commit, openFakeHub, type FakeHub } from './fakeHub.ts';

const large = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251));
const files = {
  'README.md': Buffer.from('# set\n'),
  'data/train a.bin': large,
  'data/empty.txt': Buffer.alloc(0),
};

let hub: FakeHub;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lightbox-hub-'));
  hub = await openFakeHub('me/set', files, { pageSize: 2 });
});

afterEach(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

const get = (options: Partial<HubDownloadOptions> = {}) =>
  downloadFromHub({ repo: 'me/set', endpoint: hub.endpoint, folder, pauseMs: 1, ...options });

const downloads = () => hub.requests.filter((request) => request.includes('/resolve/'));

describe('downloadFromHub', () => {
  it('has every file of a revision, and asks for none of them twice', async () => {
    const first = await get();
    expect(first.commit).toBe(commit);
    expect(Object.keys(first.files)).toEqual(Object.keys(files));
    for (const [name, path] of Object.entries(first.files)) {
      expect(readFileSync(path).equals(files[name as keyof typeof files])).toBe(true);
    }
    expect(await get({ revision: commit })).toEqual(first);
    expect(downloads()).toHaveLength(3);
    expect(readdirSync(join(first.folder, 'data')).sort()).toEqual(['empty.txt', 'train a.bin']);
  });

  it('is answered as the official client is', async () => {
    const found: string[] = [];
    const repo = { type: 'dataset', name: 'me/set' } as const;
    for await (const file of listFiles({
      repo,
      hubUrl: hub.endpoint,
      revision: commit,
      recursive: true,
    })) {
      if (file.type === 'file') found.push(`${file.path} ${file.lfs?.size ?? file.size}`);
    }
    const sizes = Object.entries(files).map(([name, bytes]) => `${name} ${bytes.length}`);
    expect(found).toEqual(sizes);
  });

  it('takes chosen files', async () => {
    const { files: got } = await get({ files: ['data/*.bin'], revision: 'v1' });
    expect(Object.keys(got)).toEqual(['data/train a.bin']);
    await expect(get({ files: ['README.dm'] })).rejects.toThrow(
      /has no file "README\.dm"\. Did you mean "README\.md"/,
    );
  });

  it('goes on where a connection broke', async () => {
    hub.mishaps.push(['train', { cutAt: 100_000 }]);
    const { files: got } = await get({ files: ['data/train a.bin'] });
    expect(readFileSync(got['data/train a.bin']).equals(large)).toBe(true);
    const [first, second] = downloads();
    expect(first).not.toContain('bytes=');
    expect(second).toMatch(/ bytes=[1-9]\d*-$/);
  });

  it('begins again where the server has no ranges, and after bytes that are wrong', async () => {
    hub.mishaps.push(['train', { cutAt: 50_000 }], ['train', { noRange: true }]);
    const first = await get({ files: ['data/train a.bin'] });
    expect(readFileSync(first.files['data/train a.bin']).equals(large)).toBe(true);
    rmSync(first.files['data/train a.bin']);
    hub.mishaps.push(['train', { flip: true }]);
    const second = await get({ files: ['data/train a.bin'] });
    expect(readFileSync(second.files['data/train a.bin']).equals(large)).toBe(true);
  });

  it('is an error, without the file, when the bytes stay wrong', async () => {
    for (let attempt = 0; attempt < 2; attempt++) hub.mishaps.push(['train', { flip: true }]);
    await expect(get({ files: ['data/train a.bin'], attempts: 2 })).rejects.toThrow(
      /train a\.bin of 01234567 did not arrive whole in 2 tries: its sha256 is/,
    );
    expect(existsSync(join(folder, 'datasets--me--set', commit, 'data/train a.bin'))).toBe(false);
  });

  it('waits as long as a busy server asks', async () => {
    hub.mishaps.push(['/revision/', { status: 429, retryAfter: '0.2' }]);
    const start = performance.now();
    await get({ files: ['README.md'] });
    expect(performance.now() - start).toBeGreaterThan(190);
    hub.mishaps.push(['/revision/', { status: 503 }], ['/tree/', { status: 500 }]);
    await expect(get({ files: ['README.md'] })).resolves.toMatchObject({ commit });
    for (let attempt = 0; attempt < 2; attempt++) {
      hub.mishaps.push(['/revision/', { status: 429, retryAfter: '0' }]);
    }
    await expect(get({ attempts: 2 })).rejects.toThrow(/\(429\), after 2 tries/);
  });

  it('names what does not exist or may not be read, and never the token', async () => {
    await expect(get({ repo: 'me/other' })).rejects.toThrow(/no such dataset.*me\/other.*\(404\)/);
    const locked = await openFakeHub('me/set', files, { token: 'hf_right' });
    const endpoint = locked.endpoint;
    await expect(get({ endpoint })).rejects.toThrow(/refused \(401\).*set HF_TOKEN/);
    const wrong = await get({ endpoint, token: 'hf_secret' }).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: 'ERR_DATA_HUB' });
    expect(JSON.stringify(wrong, Object.getOwnPropertyNames(wrong))).not.toContain('hf_secret');
    await expect(get({ endpoint, token: 'hf_right' })).resolves.toMatchObject({ commit });
    await locked.close();
    await expect(get({ endpoint, attempts: 1 })).rejects.toThrow(/cannot be reached.*HF_ENDPOINT/);
  });

  it('refuses names that lead out of the folder', async () => {
    const evil = await openFakeHub('me/set', { '../../escape.txt': Buffer.from('x') });
    await expect(get({ endpoint: evil.endpoint })).rejects.toThrow(/lists a file outside/);
    await evil.close();
  });

  it('goes on after the process was killed in the middle', async () => {
    const slow = await openFakeHub('me/set', { 'big.bin': Buffer.concat(Array(200).fill(large)) });
    const script = fileURLToPath(new URL('./downloadChild.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, slow.endpoint, folder]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const below = join(folder, 'datasets--me--set', commit);
    expect(readdirSync(below)).toEqual([expect.stringMatching(/^big\.bin\..*\.incomplete$/)]);
    const { files: got } = await get({ endpoint: slow.endpoint });
    expect(readFileSync(got['big.bin']).length).toBe(200 * large.length);
    expect(slow.requests.at(-1)).toMatch(/ bytes=[1-9]\d*-$/);
    expect(readdirSync(below)).toEqual(['big.bin']);
    await slow.close();
  }, 60_000);
});
