import { describe, expect, it } from '@jest/globals';
import { withKeyedRandom } from '../../../runtime/src/random/lend.ts';
import { Rng } from '../../../runtime/src/random/rng.ts';

const draw = (rng: Rng, count: number): number[] =>
  Array.from({ length: count }, () => rng.uniform());

describe('Rng', () => {
  it('repeats itself for the same seed and purpose', () => {
    const first = Rng.fromSeed(42).fold('dropout', 7);
    const second = Rng.fromSeed(42).fold('dropout', 7);
    expect(draw(first, 9)).toEqual(draw(second, 9));
  });

  it('folds by key alone, whatever was drawn before', () => {
    const rng = Rng.fromSeed(1);
    const before = rng.fold('a').key;
    draw(rng, 5);
    expect(rng.fold('a').key).toEqual(before);
  });

  it('keeps every tuple apart, also those that look alike', () => {
    const rng = Rng.fromSeed(3);
    const tuples: (string | number)[][] = [
      ['a'],
      ['a', 'b'],
      ['ab'],
      [1],
      ['1'],
      [1, 0],
      [0, 1],
      [1, 2],
      [12],
      [],
      ['a', 1],
      ['a1'],
      [-1],
      [0.5],
    ];
    const keys = new Set(tuples.map((tuple) => rng.fold(...tuple).key.join()));
    expect(keys.size).toBe(tuples.length);
  });

  it('does not alias neighbouring seeds and epochs', () => {
    const keys = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      for (let epoch = 0; epoch < 50; epoch++) {
        keys.add(Rng.fromSeed(seed).fold('epoch', epoch).key.join());
      }
    }
    expect(keys.size).toBe(2500);
  });

  it('is uniform: mean, variance and a chi-square over 64 cells', () => {
    const rng = Rng.fromSeed(11);
    const cells = new Float64Array(64);
    const count = 64_000;
    let sum = 0;
    let squares = 0;
    for (let index = 0; index < count; index++) {
      const value = rng.uniform();
      cells[Math.floor(value * 64)]++;
      sum += value;
      squares += value * value;
    }
    expect(Math.abs(sum / count - 0.5)).toBeLessThan(0.005);
    expect(Math.abs(squares / count - 1 / 3)).toBeLessThan(0.005);
    const chi = cells.reduce((total, cell) => total + (cell - 1000) ** 2 / 1000, 0);
    expect(chi).toBeLessThan(110); // 99.98 % point for 63 degrees of freedom
  });

  it('draws integers without leaving the range', () => {
    const rng = Rng.fromSeed(5);
    const seen = new Set(Array.from({ length: 500 }, () => rng.int(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('draws standard normals', () => {
    const rng = Rng.fromSeed(6);
    const values = Array.from({ length: 20_000 }, () => rng.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
  });

  it('pins its values, so that old runs can be repeated', () => {
    expect(draw(Rng.fromSeed(42).fold('data', 3), 3)).toMatchInlineSnapshot(`
     [
       0.3127407966183243,
       0.42051986353953585,
       0.9328791193259891,
     ]
    `);
  });
});

describe('withKeyedRandom', () => {
  it('lends Math.random and gives it back, also after an error', () => {
    const original = Math.random;
    const lent = withKeyedRandom(Rng.fromSeed(1), () => Math.random());
    expect(lent).toBe(Rng.fromSeed(1).uniform());
    expect(() =>
      withKeyedRandom(Rng.fromSeed(1), () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(Math.random).toBe(original);
  });
});
