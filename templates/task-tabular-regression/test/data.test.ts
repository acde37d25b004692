import { describe, expect, it } from '@jest/globals';
import { CarTable, featureCount } from '../src/data/carTable.ts';

const table = 'package:vega-datasets/data/cars.json';

describe('the table', () => {
  it('is split into 70, 15 and 15 %', () => {
    const sizes = (['train', 'val', 'test'] as const).map(
      (split) => new CarTable({ table, split }).length,
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(392);
    expect(sizes[0] / 392).toBeCloseTo(0.7, 2);
    expect(sizes[1] / 392).toBeCloseTo(0.15, 2);
  });

  it('is standardised over the training rows', () => {
    const train = new CarTable({ table, split: 'train' });
    const rows = Array.from({ length: train.length }, (_, index) => train.get(index));
    const targets = rows.map(({ target }) => Number(target));
    const mean = targets.reduce((sum, value) => sum + value, 0) / targets.length;
    const square = targets.reduce((sum, value) => sum + value ** 2, 0) / targets.length;
    expect(mean).toBeCloseTo(0, 4);
    expect(square).toBeCloseTo(1, 4);
    expect(rows[0].features).toMatchObject({ shape: [featureCount] });
  });

  it('can be taken apart by origin', () => {
    const count = (origins: string[]) => new CarTable({ table, split: 'train', origins }).length;
    const all = new CarTable({ table, split: 'train' }).length;
    expect(count(['USA']) + count(['Europe', 'Japan'])).toBe(all);
    expect(() => count(['Mars'])).toThrow('Mars');
  });
});
