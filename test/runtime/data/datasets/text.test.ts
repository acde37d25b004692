import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { TextDataset, type TextSample } from '../../../../runtime/src/data/datasets/textDataset.ts';
import { collect, digest } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const one = file('one.txt', 'héllo wörld');
file('two.txt', 'again\r\n\r\nand on');
const licence = 'package:vega-datasets/README.md';

const tokens = (sample: TextSample, name: 'tokens' | 'targets') => [
  ...(sample as Record<'tokens' | 'targets', { data: Int32Array }>)[name].data,
];

describe('TextDataset', () => {
  it('gives windows of characters and what follows each', () => {
    const dataset = new TextDataset({ path: one, length: 4 });
    expect(dataset.length).toBe(2);
    expect(dataset.vocabulary).toBe(' dhlorwéö');
    expect(dataset.decode(tokens(dataset.get(0), 'tokens'))).toBe('héll');
    expect(dataset.decode(tokens(dataset.get(0), 'targets'))).toBe('éllo');
    expect(dataset.decode(tokens(dataset.get(1), 'tokens'))).toBe('o wö');
    const near = new TextDataset({ path: one, length: 4, stride: 1 });
    expect(near.length).toBe(7);
    expect(near.decode(tokens(near.get(6), 'targets'))).toBe('örld');
  });

  it('joins several files and takes bytes', () => {
    const dataset = new TextDataset({ path: join(folder, '*.txt'), unit: 'bytes', length: 13 });
    expect(dataset.decode(tokens(dataset.get(0), 'tokens'))).toBe('héllo wörld');
    expect(tokens(dataset.get(0), 'targets').at(-1)).toBe(10);
  });

  it('gives lines', () => {
    const dataset = new TextDataset({ path: join(folder, '{one,two}.txt'), unit: 'lines' });
    const lines = Array.from({ length: dataset.length }, (_, index) => dataset.get(index));
    expect(lines).toEqual([{ text: 'héllo wörld' }, { text: 'again' }, { text: 'and on' }]);
  });

  it.each(['characters', 'bytes', 'lines'] as const)(
    'gives loader threads the same batches of %s',
    async (unit) => {
      const dataset = new TextDataset({ path: licence, unit, length: 16 });
      const digests = async (numWorkers: number): Promise<string[]> => {
        const loader = new DataLoader({ dataset, batchSize: 8, seed: 3, numWorkers });
        const found = await collect(loader, 0, loader.samplesPerEpoch);
        await loader.dispose();
        return found.map(({ batch }) => digest(batch));
      };
      const here = await digests(0);
      expect(here.length).toBeGreaterThan(1);
      expect(await digests(1)).toEqual(here);
      expect(dataset.fingerprint).toBe(
        new TextDataset({ path: licence, unit, length: 16 }).fingerprint,
      );
    },
  );

  it('takes a vocabulary, and refuses characters outside it', () => {
    expect(() => new TextDataset({ path: one, length: 2, vocabulary: 'helo wrd' })).toThrow(
      /one\.txt has the character "é" \(U\+00e9\), which the vocabulary has not/,
    );
    const dataset = new TextDataset({
      path: one,
      length: 2,
      vocabulary: '?helo wrd',
      unknown: '?',
    });
    expect(dataset.decode(tokens(dataset.get(0), 'tokens'))).toBe('h?');
    expect(() => new TextDataset({ path: one, vocabulary: 'abc', unknown: '?' })).toThrow(
      /unknown/,
    );
  });

  it('refuses texts that are too short and patterns without files', () => {
    expect(() => new TextDataset({ path: one, length: 11 })).toThrow(
      /has 11 characters; at least 12 characters is needed/,
    );
    expect(() => new TextDataset({ path: file('blank.md', '\n\n'), unit: 'lines' })).toThrow(
      /a line that is not empty/,
    );
    expect(() => new TextDataset({ path: join(folder, '*.csv') })).toThrow(/matches "\*\.csv"/);
  });
});
