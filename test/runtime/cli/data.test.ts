import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CachedDataset } from '../../../runtime/src/data/cache/cachedDataset.ts';
import { newFolder, Rows } from '../data/cache/sources.ts';
import { makeProject, runIn, type Heard } from './fakeHost.ts';

let folder: string;
const data = (...args: string[]): Promise<Heard> =>
  runIn('/', ['data', ...args], { LIGHTBOX_CACHE: folder });

async function fill(name: string, count = 100): Promise<CachedDataset> {
  const dataset = new CachedDataset(new Rows(count, name), { folder, name });
  await dataset.prepare({ line: () => undefined });
  return dataset;
}

beforeEach(() => {
  folder = newFolder();
});

describe('data', () => {
  it('lists entries with size, samples, use and project', async () => {
    await fill('letters');
    const { printed, code } = await data('ls');
    expect(code).toBe(0);
    expect(printed).toMatch(
      /^[0-9a-f]{12} {2}letters +411 KB {2}used \d{4}-\d\d-\d\d \d\d:\d\d {2}100 samples of Rows, by \//,
    );
    expect(printed).toContain(
      `1 entries, 411 KB of 50.0 GB in ${join(folder, 'lightbox-data')} (from LIGHTBOX_CACHE)`,
    );
    const plain = JSON.parse((await data('ls', '--json')).printed) as { entries: object[] };
    expect(plain.entries).toEqual([
      expect.objectContaining({ name: 'letters', samples: 100, state: 'ready', source: 'Rows' }),
    ]);
  });

  it('verifies every block and removes what is damaged when asked', async () => {
    await fill('good');
    const bad = await fill('bad');
    const file = openSync(join(bad.folder, 'data.bin'), 'r+');
    writeSync(file, 'x', 70 * 4104 + 9);
    closeSync(file);
    const checked = await data('verify');
    expect(checked.printed).toMatch(
      /^BAD {3}bad [0-9a-f]{32}: block 1 is damaged\n2 entries checked, 1 damaged/,
    );
    expect(checked.code).toBe(1);
    expect((await data('verify', '--repair')).code).toBe(0);
    expect((await data('verify')).printed).toBe('1 entries checked, 0 damaged');
  });

  it('clears by name, digits or age, and only with consent', async () => {
    const old = await fill('old');
    const young = await fill('young');
    await fill('other');
    const refused = await data('clear', '--all');
    expect(refused.code).toBe(2);
    expect(refused.warned).toMatch(/Remove 3 entries \(1\.2 MB\).*add --yes/);
    expect((await data('clear')).warned).toMatch(/--all, or --older-than 30d/);
    expect((await data('clear', 'zz', '--yes')).warned).toMatch(/begins with "zz"/);

    const past = Date.now() / 1000 - 40 * 86_400;
    utimesSync(join(old.folder, 'lightbox-entry'), past, past);
    expect((await data('clear', '--older-than', '30d', '--yes')).printed).toBe(
      'Removed 1 of 1 entry (411 KB)',
    );
    expect((await data('clear', young.key.slice(0, 12), '--yes')).code).toBe(0);
    expect((await data('clear', 'other', '--yes')).code).toBe(0);
    expect((await data('ls')).printed).toMatch(/^0 entries/);
  });

  it('never removes what is not an entry of ours', async () => {
    await fill('mine');
    const root = join(folder, 'lightbox-data');
    const foreign = join(root, '0123456789abcdef0123456789abcdef');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'thesis.txt'), 'text');
    expect((await data('clear', '--all', '--yes')).code).toBe(0);
    expect(readdirSync(root).sort()).toEqual([
      '0123456789abcdef0123456789abcdef',
      'lightbox-cache',
    ]);
    expect(readdirSync(foreign)).toEqual(['thesis.txt']);
  });

  it('prepares the data of a configuration', async () => {
    const project = makeProject();
    const config = {
      model: { class_path: './line.ts#Line' },
      data: {
        class_path: 'lightbox.data.MultiDatasetModule',
        init_args: {
          enable_cache: true,
          resolution: [8, 8],
          datasets: { a: { class_path: './images.ts#Images', init_args: { count: 30 } } },
        },
      },
      trainer: { accelerator: 'cpu' },
    };
    writeFileSync(join(project, 'c.yaml'), JSON.stringify(config));
    writeFileSync(join(project, 'images.ts'), images);
    const env = { LIGHTBOX_CACHE: folder };
    process.env.LIGHTBOX_CACHE = folder;
    try {
      const { code, lines, warned } = await runIn(
        project,
        ['data', 'prepare', '--config', 'c.yaml'],
        env,
      );
      expect(warned).toBe('');
      expect(code).toBe(0);
      expect(lines).toMatch(
        /Caching a: 30 samples in .*\nCached a: .*\nPrepared\. In the cache: a \(see/,
      );
      const again = ['data', 'prepare', '--config', 'c.yaml'];
      expect((await runIn(project, again, env)).lines).toBe(
        'Prepared. In the cache: a (see data ls).',
      );
      const without = [...again, '--data.enable_cache', 'false'];
      expect((await runIn(project, without, env)).lines).toMatch(/Nothing is cached/);
    } finally {
      delete process.env.LIGHTBOX_CACHE;
    }
    expect((await data('ls')).printed).toMatch(/30 samples of Images/);
  });

  it('names its actions', async () => {
    expect((await data('clean')).warned).toMatch(
      /data takes one of prepare, ls, verify, clear. There is no "clean". Did you mean "clear"/,
    );
  });
});

const images = `
export class Images {
  constructor({ count }) {
    this.length = count;
    this.fingerprint = 'images ' + count;
    this.columns = { image: { dtype: 'float32', shape: [16, 16, 1] } };
  }
  get(index) {
    const data = new Float32Array(256).fill(index);
    return { image: { data, shape: [16, 16, 1], dtype: 'float32' } };
  }
}
`;
