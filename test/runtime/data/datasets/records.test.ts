import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  CsvDataset,
  type CsvDatasetOptions,
} from '../../../../runtime/src/data/datasets/csvDataset.ts';
import { parseCsv } from '../../../../runtime/src/data/datasets/csvText.ts';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import type { Dataset } from '../../../../runtime/src/data/dataset.ts';
import { JsonDataset } from '../../../../runtime/src/data/datasets/jsonDataset.ts';
import { collect, digest } from '../batches.ts';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-records-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function values(sample: Record<string, HostTensor | number>, name: string): number[] {
  return [...(sample[name] as HostTensor).data];
}

describe('parseCsv', () => {
  it('reads quotes, delimiters and line breaks in quotes, both line endings and a byte order mark', () => {
    const text = '\ufeffa,b\r\n"x, ""y""","two\nlines"\r\n\r\n,last';
    expect(parseCsv(text, ',', 'f')).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 2, fields: ['x, "y"', 'two\nlines'] },
      { line: 5, fields: ['', 'last'] },
    ]);
    expect(parseCsv('a;b\n1;\n', ';', 'f')).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 2, fields: ['1', ''] },
    ]);
    expect(parseCsv('', ',', 'f')).toEqual([]);
  });

  it.each([
    { text: 'a\n"b', message: /f:2: a quoted field is never closed/ },
    { text: '"a"b,c', message: /f:1: text after a closing quote: "b,c"/ },
  ])('refuses $text', ({ text, message }) => {
    expect(() => parseCsv(text, ',', 'f')).toThrow(message);
  });
});

describe('CsvDataset', () => {
  const path = file('birds.csv', 'wing,mass,kind\n1,10,owl\n2,20,crow\n3,60,owl\n4,30,kite\n');

  it('predicts a number from numbers and one-hot classes', () => {
    const dataset = new CsvDataset({ path, target: 'mass', categories: { kind: null } });
    expect(dataset.featureNames).toEqual(['wing', 'kind=crow', 'kind=kite', 'kind=owl']);
    expect(dataset.columns).toEqual({
      features: { dtype: 'float32', shape: [4] },
      target: { dtype: 'float32', shape: [1] },
    });
    expect(values(dataset.get(2), 'features')).toEqual([3, 0, 0, 1]);
    expect(values(dataset.get(2), 'target')).toEqual([60]);
  });

  it('predicts a class, whose codes do not depend on the selected rows', () => {
    const dataset = new CsvDataset({
      path,
      target: 'kind',
      features: ['mass', 'wing'],
      categories: { kind: null },
      offset: 2,
    });
    expect(dataset.classes).toEqual(['crow', 'kite', 'owl']);
    expect([dataset.get(0).target, dataset.get(1).target]).toEqual([2, 1]);
    expect(values(dataset.get(1), 'features')).toEqual([30, 4]);
    expect(dataset.columns.target).toEqual({ dtype: 'int32', shape: [] });
  });

  it('predicts several numbers, standardizes features, keeps given class orders', () => {
    const dataset = new CsvDataset({
      path,
      target: ['mass', 'wing'],
      categories: { kind: ['kite', 'owl', 'crow'] },
    });
    expect(values(dataset.get(0), 'target')).toEqual([10, 1]);
    expect(dataset.featureNames).toEqual(['kind=kite', 'kind=owl', 'kind=crow']);
    const scaled = new CsvDataset({ path, features: ['wing'], standardize: true });
    const wings = [0, 1, 2, 3].map((row) => values(scaled.get(row), 'features')[0]);
    expect(wings[0]).toBeCloseTo(-1.5 / Math.sqrt(1.25), 5);
    expect(wings.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
  });

  it.each([
    {
      options: { target: 'mas', categories: { kind: null } },
      message: /no column "mas".*Did you mean "mass"/,
    },
    {
      options: { features: ['wing', 'kind'] },
      message: /birds\.csv:2: column "kind": expected a number, got "owl"/,
    },
    {
      options: { categories: { kind: ['owl'] } },
      message: /birds\.csv:3: column "kind": expected one of owl, got "crow"/,
    },
    {
      options: { categories: { sort: null } },
      message: /no column "sort" \(named in categories\)/,
    },
    { options: { offset: 4 }, message: /4 rows below its header; an offset of 4 leaves none/ },
    { options: { traget: 'mass' }, message: /unknown option "traget". Did you mean "target"/ },
  ])('refuses $options', ({ options, message }) => {
    expect(() => new CsvDataset({ path, ...options } as CsvDatasetOptions)).toThrow(message);
  });

  it('names the line of a row that is too short and of a missing number', () => {
    const short = file('short.csv', 'a,b\n1,2\n3\n');
    expect(() => new CsvDataset({ path: short })).toThrow(/short\.csv:3: expected 2 fields.*got 1/);
    const missing = file('missing.csv', 'a,b\n1,2\n3,\n');
    expect(() => new CsvDataset({ path: missing })).toThrow(/missing\.csv:3: column "b".*got ""/);
    expect(() => new CsvDataset({ path: file('empty.csv', '') })).toThrow(
      /0 rows below its header/,
    );
  });
});

describe('JsonDataset', () => {
  const array = file('a.json', '[{"x": [1, 2], "y": 0}, {"x": [3, 4], "y": 1}]');
  const lines = file('a.jsonl', '{"x": [1, 2], "y": 0}\n\n{"x": [3, 4], "y": 1}\n');

  it.each([array, lines])('reads the records of %s', (path) => {
    const dataset = new JsonDataset({ path, integers: ['y'] });
    expect([dataset.get(0), dataset.get(1)]).toEqual([
      { x: [1, 2], y: 0 },
      { x: [3, 4], y: 1 },
    ]);
    expect(dataset.columns).toEqual({ y: { dtype: 'int32', shape: [] } });
    expect(new JsonDataset({ path, offset: 1 }).get(0)).toEqual({ x: [3, 4], y: 1 });
    expect(new JsonDataset({ path, offset: 1 }).fingerprint).not.toBe(dataset.fingerprint);
  });

  it.each([
    { text: '[1]', message: /record 0: expected an object, got 1/ },
    { text: '[{"a": 1', message: /Is the file complete/ },
    { text: '{"a": 1}\n{"a"', message: /bad\.json:2: .*Is the file complete/ },
    { text: '{"a": 1}\n[2]', message: /bad\.json:2: expected an object, got an array/ },
    { text: '', message: /has 0 records/ },
  ])('refuses $text', ({ text, message }) => {
    expect(() => new JsonDataset({ path: file('bad.json', text) })).toThrow(message);
  });
});

describe('records in loader threads', () => {
  const csv = file('threads.csv', 'a,b\n1,2\n3,4\n5,6\n');
  const jsonl = file('threads.jsonl', '{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n{"a":3,"b":"z"}\n');

  it.each([
    ['csv', (): Dataset => new CsvDataset({ path: csv, target: 'b' })],
    ['jsonl', (): Dataset => new JsonDataset({ path: jsonl, integers: ['a'] })],
  ])('are the same batches: %s', async (_name, open) => {
    const digests = async (numWorkers: number): Promise<string[]> => {
      const loader = new DataLoader({ dataset: open(), batchSize: 2, seed: 1, numWorkers });
      const found = (await collect(loader, 0, 6)).map(({ batch }) => digest(batch));
      await loader.dispose();
      return found;
    };
    expect(await digests(1)).toEqual(await digests(0));
  });
});
