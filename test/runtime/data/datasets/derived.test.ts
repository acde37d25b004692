import { describe, expect, it } from '@jest/globals';
import {
  ArrayDataset,
  mapDataset,
  randomSplit,
  Subset,
} from '../../../../runtime/src/data/datasets/derived.ts';
import {
  TensorDataset,
  type TensorColumn,
} from '../../../../runtime/src/data/datasets/tensorDataset.ts';

const hundred = new ArrayDataset(Array.from({ length: 100 }, (_, id) => id));
const content = (dataset: { length: number; get(index: number): unknown }): unknown[] =>
  Array.from({ length: dataset.length }, (_, index) => dataset.get(index));

describe('randomSplit', () => {
  it('splits by fractions or lengths into parts without overlap', () => {
    for (const parts of [
      [0.7, 0.2, 0.1],
      [70, 20, 10],
    ]) {
      const split = randomSplit(hundred, parts, 1);
      expect(split.map(({ length }) => length)).toEqual([70, 20, 10]);
      const all = split.flatMap((part) => content(part)) as number[];
      expect(all.sort((a, b) => a - b)).toEqual(content(hundred));
    }
  });

  it('is decided by the seed', () => {
    const first = content(randomSplit(hundred, [0.5, 0.5], 1)[0]);
    expect(content(randomSplit(hundred, [0.5, 0.5], 1)[0])).toEqual(first);
    expect(content(randomSplit(hundred, [0.5, 0.5], 2)[0])).not.toEqual(first);
    // Pinned: a split that changes moves validation samples into training.
    expect(content(randomSplit(hundred, [0.05, 0.95], 1)[0])).toEqual([21, 23, 54, 65, 93]);
  });

  it('gives remainders to the first parts that want any', () => {
    const lengths = (parts: number[]): number[] =>
      randomSplit(new ArrayDataset([1, 2, 3, 4]), parts, 0).map(({ length }) => length);
    expect(lengths([1 / 3, 1 / 3, 1 / 3])).toEqual([2, 1, 1]);
    expect(lengths([0, 0.55, 0.45])).toEqual([0, 3, 1]);
  });

  it.each([[[0.5, 0.4]], [[50, 60]], [[-0.5, 1.5]], [[]]])('refuses %j', (parts) => {
    expect(() => randomSplit(hundred, parts, 0)).toThrow(/Cannot split 100 samples/);
  });
});

describe('Subset and mapDataset', () => {
  it('refuses indices outside', () => {
    expect(() => new Subset(hundred, [0, 100])).toThrow(/asks for sample 100 .* 100 samples/);
    expect(() => hundred.get(100)).toThrow(RangeError);
  });

  it('changes samples, also late ones', async () => {
    const doubled = mapDataset(hundred, (value, index) => value * 2 + index);
    expect(doubled.get(3)).toBe(9);
    const late = mapDataset(
      { length: 1, get: (index: number) => Promise.resolve(index + 5) },
      (value) => value * 2,
    );
    await expect(late.get(0)).resolves.toBe(10);
  });

  it('have fingerprints when all they are made of has', () => {
    const base = new TensorDataset({ x: Float32Array.of(1, 2, 3) });
    const prints = [
      base.fingerprint,
      new Subset(base, [0, 1]).fingerprint,
      new Subset(base, [1, 0]).fingerprint,
      mapDataset(base, (sample) => sample, { fingerprint: 'same' }).fingerprint,
    ];
    expect(new Set(prints).size).toBe(4);
    expect(prints).not.toContain(undefined);
    expect(mapDataset(base, (sample) => sample).fingerprint).toBeUndefined();
    expect(new Subset(hundred, [0]).fingerprint).toBeUndefined();
  });
});

describe('TensorDataset', () => {
  it('gives rows with their shapes', () => {
    const dataset = new TensorDataset({
      x: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2], dtype: 'float32' },
      y: Int32Array.of(7, 8),
    });
    expect(dataset.get(1)).toEqual({
      x: { data: Float32Array.of(3, 4), shape: [2], dtype: 'float32' },
      y: 8,
    });
    expect(() => dataset.get(2)).toThrow(RangeError);
  });

  it.each([
    {
      columns: { a: new Float32Array(2), b: new Float32Array(3) },
      message: /"a" has 2 rows, "b" has 3/,
    },
    {
      columns: { a: { data: new Float32Array(5), shape: [2, 2], dtype: 'float32' as const } },
      message: /"a" has 5 values, but its shape \[2, 2\] needs 4/,
    },
    { columns: {}, message: /needs a column/ },
  ])('refuses $columns', ({ columns, message }) => {
    expect(() => new TensorDataset(columns as Record<string, TensorColumn>)).toThrow(message);
  });
});
