import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { ArrayDataset, mapDataset } from '../../../../runtime/src/data/datasets/derived.ts';
import { CachedDataset } from '../../../../runtime/src/data/cache/cachedDataset.ts';
import { Compose } from '../../../../runtime/src/data/transforms/transform.ts';
import { RandomHorizontalFlip } from '../../../../runtime/src/data/transforms/randomHorizontalFlip.ts';
import { listening, newFolder, Rows, Scale } from './sources.ts';

const samples = async (dataset: CachedDataset): Promise<unknown[]> =>
  Promise.all(Array.from({ length: dataset.length }, (_, id) => dataset.get(id)));

function flip(folder: string, at: number): void {
  const file = openSync(join(folder, 'data.bin'), 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  writeSync(file, Buffer.from([byte[0] ^ 0x40]), 0, 1, at);
  closeSync(file);
}

describe('CachedDataset', () => {
  it('gives the samples of the source, transformed, and makes each once', async () => {
    const folder = newFolder();
    const source = new Rows(150);
    const transform = new Scale(3);
    const first = new CachedDataset(source, { transform, folder });
    const report = listening();
    await first.prepare(report);
    expect(report.lines.at(-1)).toMatch(/^Cached Rows: 61\d KB$/);
    const expected = Array.from({ length: 150 }, (_, id) => transform.apply(new Rows(150).get(id)));
    expect(await samples(first)).toEqual(expected);

    const again = new Rows(150);
    const second = new CachedDataset(again, { transform, folder });
    expect(second.get(149)).toEqual(expected[149]);
    expect(again.made).toBe(0);
    expect(second.columns).toEqual(source.columns);
  });

  it('fills itself at the first sample, and returns copies', async () => {
    const dataset = new CachedDataset(new Rows(3), { folder: newFolder() });
    const sample = (await dataset.get(1)) as ReturnType<Rows['get']>;
    sample.x.data.fill(-1);
    expect(dataset.get(1)).toEqual(new Rows(3).get(1));
  });

  it('keeps samples of different sizes, strings and nested values', async () => {
    const rows = Array.from({ length: 700 }, (_, id) => ({
      text: 'word '.repeat(id % 50),
      tokens: Int32Array.from({ length: id % 7 }, (__, at) => at),
      nested: { flag: id % 2 === 0, list: [id, 'a'] },
    }));
    const folder = newFolder();
    const options = { folder, cacheKey: 'texts 1' };
    const dataset = new CachedDataset(new ArrayDataset(rows), options);
    expect(await samples(dataset)).toEqual(rows);
    const none = new ArrayDataset(rows.map(() => ({})));
    expect(new CachedDataset(none, options).get(699)).toEqual(rows[699]);
  });

  it('turns to samples of own sizes when a later one differs', async () => {
    const ragged = mapDataset(
      new Rows(130),
      ({ label }, id) => ({ x: new Float32Array(id < 100 ? 1000 : 3).fill(label) }),
      { fingerprint: 'ragged' },
    );
    const dataset = new CachedDataset(ragged, { folder: newFolder() });
    expect(await samples(dataset)).toEqual(Array.from({ length: 130 }, (_, id) => ragged.get(id)));
    expect(dataset.reader()).toBeUndefined();
  });

  it('names entries by content, transform, parameters and version', () => {
    const key = (dataset: Rows, transform?: Scale, cacheKey?: string): string =>
      new CachedDataset(dataset, { transform, cacheKey, folder: '/nowhere' }).key;
    const keys = [
      key(new Rows(9)),
      key(new Rows(9, 'rows 2')),
      key(new Rows(8)),
      key(new Rows(9), new Scale(2)),
      key(new Rows(9), new Scale(3)),
      key(new Rows(9), new Scale(3, 2)),
      key(new Rows(9), new Scale(3, 2), 'mine'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(key(new Rows(9), new Scale(3))).toBe(keys[4]);
  });

  it('refuses what it could not tell apart, and what is random', () => {
    const make = (source: ConstructorParameters<typeof ArrayDataset>[0] | Rows, more: object) =>
      new CachedDataset(source instanceof Rows ? source : new ArrayDataset(source), more);
    expect(() => make([1, 2], {})).toThrow(/ArrayDataset has no fingerprint.*cacheKey/);
    const double = (row: unknown): unknown => row;
    expect(() => make(new Rows(2), { transform: double })).toThrow(
      /"double" cannot be cached: it is a function/,
    );
    const within = new Compose([new Scale(2), double]);
    expect(() => make(new Rows(2), { transform: within })).toThrow(/"double" cannot be cached/);
    expect(() => make(new Rows(2), { transform: double, cacheKey: 'a' })).not.toThrow();
    const random = new RandomHorizontalFlip();
    expect(() => make(new Rows(2), { transform: random, cacheKey: 'a' })).toThrow(/is random/);
    expect(() => make(new Rows(2), { limit: 'much' })).toThrow(/expected a size such as 20GB/);
    expect(() => make(new Rows(2), { foldr: 'x' })).toThrow(/unknown option "foldr"/);
  });

  it('makes a damaged block again, that one only, and says so once', async () => {
    const folder = newFolder();
    const options = { folder, transform: new Scale(2) };
    const filled = new CachedDataset(new Rows(200), options);
    await filled.prepare(listening());
    const { rowsPerBlock } = JSON.parse(
      readFileSync(join(filled.folder, 'manifest.json'), 'utf8'),
    ) as { rowsPerBlock: number };
    expect(rowsPerBlock).toBeLessThan(100);
    flip(filled.folder, rowsPerBlock * 4104 + 777);

    const report = listening();
    const source = new Rows(200);
    const dataset = new CachedDataset(source, options);
    await dataset.prepare(report);
    expect(await samples(dataset)).toEqual(
      Array.from({ length: 200 }, (_, id) => new Scale(2).apply(new Rows(200).get(id))),
    );
    expect(source.made).toBe(rowsPerBlock);
    const third = new Rows(200);
    await samples(new CachedDataset(third, options));
    expect(third.made).toBe(0);
  });

  it('refuses a damaged block whose samples have changed without a new version', async () => {
    const folder = newFolder();
    const options = { folder, cacheKey: 'same' };
    const first = new CachedDataset(new Rows(5), { ...options, transform: new Scale(2, 0) });
    await first.prepare(listening());
    flip(first.folder, 8);
    const changed = new CachedDataset(new Rows(5), { ...options, transform: new Scale(3, 0) });
    expect(() => changed.get(0)).toThrow(/a transform changed without its version/);
  });

  it('fills anew when the table is damaged', async () => {
    const options = { folder: newFolder() };
    const first = new CachedDataset(new Rows(5), options);
    await first.prepare(listening());
    flip(first.folder, 5 * 4104 + 2);
    const again = new CachedDataset(new Rows(5), options);
    const report = listening();
    await again.prepare(report);
    expect(again.get(4)).toEqual(new Rows(5).get(4));
  });

  it('leaves nothing of a filling behind', async () => {
    const dataset = new CachedDataset(new Rows(100), { folder: newFolder() });
    await dataset.prepare(listening());
    expect(readdirSync(dataset.folder).sort()).toEqual([
      'data.bin',
      'lightbox-entry',
      'manifest.json',
    ]);
  });

  it('goes on without a cache where the folder cannot be made, or stops when required', async () => {
    // A file in place of the folder: root, who runs tests in containers, ignores permissions.
    const blocked = join(newFolder(), 'file');
    writeFileSync(blocked, '');
    const report = listening();
    const dataset = new CachedDataset(new Rows(4), { folder: blocked });
    await dataset.prepare(report);
    expect(report.lines).toEqual([
      expect.stringMatching(
        /^Cache: The cache folder .*file\/lightbox-data \(from the option "folder"\) cannot be written \(ENOTDIR\)\. Make it writable, or set LIGHTBOX_CACHE to another folder\. The run goes on without a cache of Rows\.$/,
      ),
    ]);
    expect(dataset.get(3)).toEqual(new Rows(4).get(3));
    const strict = new CachedDataset(new Rows(4), { folder: blocked, required: true });
    await expect(strict.prepare(listening())).rejects.toThrow(/cannot be written \(ENOTDIR\)/);
  });

  it('never touches a folder that is not a cache of ours', async () => {
    const folder = newFolder();
    const first = new CachedDataset(new Rows(4), { folder });
    const root = join(first.folder, '..');
    mkdirSync(root);
    writeFileSync(join(root, 'thesis.txt'), 'mine');
    await expect(
      new CachedDataset(new Rows(4), { folder, required: true }).prepare(listening()),
    ).rejects.toThrow(/is not a cache of lightbox-runtime: it has "thesis.txt"/);
    expect(existsSync(join(root, 'thesis.txt'))).toBe(true);
  });

  it('passes on errors of the source as they are', async () => {
    const broken = {
      length: 3,
      fingerprint: 'broken',
      get: (): never => {
        throw Object.assign(new Error('no such image'), { code: 'ENOENT' });
      },
    };
    const dataset = new CachedDataset(broken, { folder: newFolder() });
    await expect(dataset.prepare(listening())).rejects.toThrow('no such image');
  });
});

describe('loaders over a cache', () => {
  const batches = async (loader: DataLoader, t = 0): Promise<unknown[]> => {
    const out: unknown[] = [];
    for await (const { data } of loader.iterate(t)) out.push(data);
    await loader.dispose();
    return out;
  };

  it('give the same batches as without, in one pass or in threads', async () => {
    const transform = new Scale(2);
    const common = { batchSize: 16, seed: 3 };
    const plain = await batches(new DataLoader({ dataset: new Rows(100), transform, ...common }));
    const dataset = new CachedDataset(new Rows(100), { transform, folder: newFolder() });
    expect(await batches(new DataLoader({ dataset, ...common }))).toEqual(plain);
    const fused = new DataLoader({ dataset, ...common });
    expect(fused.fused).toBe(true);
    expect(await batches(fused)).toEqual(plain);
    // Rows cannot be rebuilt in a thread; what is stored can be read there.
    const threads = new DataLoader({ dataset, ...common, numWorkers: 2 });
    expect(await batches(threads)).toEqual(plain);
  });
});
