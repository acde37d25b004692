import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { ParquetDataset } from '../../../../runtime/src/data/datasets/parquetDataset.ts';
import { resolveDataPath } from '../../../../runtime/src/data/datasets/dataPath.ts';
import { encodeColumn } from '../../../../runtime/src/data/formats/tableColumn.ts';
import { collect, digest } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = 'package:vega-datasets/data/flights-3m.parquet';

describe('ParquetDataset', () => {
  it('gives rows of 3,000,000 with the types of their columns', async () => {
    const dataset = new ParquetDataset({ path });
    expect(dataset.length).toBe(3_000_000);
    expect(dataset.columns).toEqual({
      delay: { dtype: 'int32', shape: [] },
      distance: { dtype: 'int32', shape: [] },
    });
    expect(dataset.shards?.lengths).toHaveLength(11);
    expect(await dataset.get(5)).toEqual({
      date: '2001-01-01T00:01:00.000Z',
      delay: 18,
      distance: 406,
      origin: 'ATL',
      destination: 'TPA',
    });
    expect(dataset.get(6)).toMatchObject({ origin: expect.any(String) });
  });

  it('takes dates as days, numbers as floats and texts as classes', async () => {
    const dataset = new ParquetDataset({
      path,
      columns: ['date', 'delay', 'origin'],
      categories: { origin: ['ATL', 'CLT'] },
      floats: ['delay'],
      dates: 'days',
    });
    expect(dataset.columns).toEqual({
      date: { dtype: 'float32', shape: [] },
      delay: { dtype: 'float32', shape: [] },
      origin: { dtype: 'int32', shape: [] },
    });
    await expect(Promise.resolve(dataset.get(5))).rejects.toThrow(
      /row \d+, column "origin": expected one of ATL, CLT, got "\w+"\. Add it to categories/,
    );
    const days = new ParquetDataset({ path, columns: ['date'], dates: 'days' });
    expect((await days.get(5)).date).toBeCloseTo(11_323 + 1 / 1440, 2);
  });

  it('shuffles a few row groups at a time, and in threads to the same batches', async () => {
    const dataset = new ParquetDataset({ path, columns: ['distance'], inFlight: 1 });
    const here = new DataLoader({ dataset, batchSize: 100, seed: 1 });
    const there = new DataLoader({ dataset, batchSize: 100, seed: 1, numWorkers: 1 });
    const digests = async (loader: DataLoader) => {
      const found: string[] = [];
      for await (const batch of loader.iterate(0)) {
        found.push(digest(batch));
        if (found.length === 20) break;
      }
      return found;
    };
    const expected = await digests(here);
    expect(new Set(expected).size).toBe(20);
    expect(await digests(there)).toEqual(expected);
    await there.dispose();
    const groups = Array.from({ length: 2000 }, (_, t) => Math.floor(here.place(t).id / 272_727));
    expect(new Set(groups).size).toBe(1);
  });

  it('reads all of it in shuffled order within 300 MB', () => {
    const script = fileURLToPath(new URL('./parquetRead.ts', import.meta.url));
    const text = execFileSync(process.execPath, ['--import', 'tsx', script], { encoding: 'utf8' });
    const { rows, sum, grownMb } = JSON.parse(text) as Record<string, number>;
    expect({ rows, sum }).toEqual({ rows: 3_000_000, sum: expect.any(Number) });
    expect(grownMb).toBeLessThan(300);
  }, 60_000);

  const whole = readFileSync(resolveDataPath(path));
  const file = (name: string, bytes: Uint8Array): string => {
    const at = join(folder, name);
    writeFileSync(at, bytes);
    return at;
  };

  it('refuses foreign and truncated files and unknown columns', async () => {
    const cut = file('cut.parquet', whole.subarray(0, 5_000_000));
    expect(() => new ParquetDataset({ path: cut })).toThrow(/cut\.parquet is cut short/);
    const text = file('text.parquet', Buffer.from('a,b\n1,2\n3,4\n'));
    expect(() => new ParquetDataset({ path: text })).toThrow(/is no parquet file.*"a,b/s);
    expect(() => new ParquetDataset({ path, columns: ['delays'] })).toThrow(
      /no column "delays" \(named in columns\).*Did you mean "delay"/,
    );
    expect(() => new ParquetDataset({ path, fill: { late: 0 } })).toThrow(/named in fill/);
    const bytes = Buffer.from(whole);
    bytes.fill(0xa5, 40, 130_000);
    const damaged = new ParquetDataset({ path: file('bad.parquet', bytes), columns: ['date'] });
    await expect(Promise.resolve(damaged.get(0))).rejects.toThrow(
      /column "date" of row group 0 cannot be decoded/,
    );
  });

  it('keeps reading after a row group that cannot be decoded', async () => {
    const bytes = Buffer.from(whole);
    bytes.fill(0xa5, 40, 130_000);
    const dataset = new ParquetDataset({ path: file('half.parquet', bytes), columns: ['date'] });
    await expect(Promise.resolve(dataset.get(0))).rejects.toThrow(/row group 0/);
    expect(await dataset.get(300_000)).toMatchObject({ date: expect.stringMatching(/^2001-/) });
  });
});

describe('columns of tables', () => {
  const values = [1n, null, 3n];

  it('name the row of a missing value, or fill it', () => {
    const column = { name: 'x', kind: 'int' } as const;
    expect(() => encodeColumn(column, values, 'f', (row) => row + 10)).toThrow(
      /f, row 11, column "x": there is no value.*fill: \{ x: \.\.\. \}/,
    );
    expect(encodeColumn({ ...column, fill: -1 }, values, 'f').data).toEqual(
      Int32Array.of(1, -1, 3),
    );
    const floats = encodeColumn({ ...column, asFloat: true, fill: NaN }, values, 'f').data;
    expect([...floats]).toEqual([1, NaN, 3]);
  });

  it('refuse numbers beyond int32', () => {
    expect(() => encodeColumn({ name: 'id', kind: 'int' }, [2n ** 31n], 'f')).toThrow(
      /f, row 0, column "id" holds 2147483648, which does not fit int32/,
    );
  });
});

it('a dataset of rows ends with its last row group', async () => {
  const dataset = new ParquetDataset({ path, columns: ['delay'], shuffle: 'all', cacheMb: 0.1 });
  expect(dataset.shards).toBeUndefined();
  const loader = new DataLoader({ dataset, batchSize: 500, shuffle: false });
  const [{ batch }] = await collect(loader, 2_999_500, 3_000_000);
  expect(batch.size).toBe(500);
});
