import { describe, expect, it } from '@jest/globals';
import { Rng } from '../../../../runtime/src/random/index.ts';
import { keyedPermutation } from '../../../../runtime/src/data/order/permutation.ts';

function all(size: number, rng: Rng): number[] {
  const permutation = keyedPermutation(size, rng);
  return Array.from({ length: size }, (_, position) => permutation.at(position));
}

describe('keyedPermutation', () => {
  // 65,535 is the last size with a table, 65,536 the first without; 65,537 leaves the power of 4.
  const sizes = [1, 2, 3, 4, 5, 7, 8, 100, 255, 256, 1000, 65_535, 65_536, 65_537, 262_145];

  it.each(sizes)('visits each of %d items once', (size) => {
    const seen = new Uint8Array(size);
    for (const id of all(size, Rng.fromSeed(3).fold(size))) seen[id]++;
    expect(seen.every((count) => count === 1)).toBe(true);
  });

  it('stays inside sizes beyond 32 bits without repeating itself', () => {
    const size = 2 ** 40 + 12_345;
    const permutation = keyedPermutation(size, Rng.fromSeed(1));
    const ids = Array.from({ length: 20_000 }, (_, position) =>
      permutation.at(position * 50_000_000),
    );
    expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id < size)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.max(...ids)).toBeGreaterThan(size * 0.99);
  });

  it('makes all orders of 4 items equally likely', () => {
    const counts = new Map<string, number>();
    const draws = 24_000;
    for (let draw = 0; draw < draws; draw++) {
      const order = all(4, Rng.fromSeed(9).fold(draw)).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 23 degrees of freedom: 49.7 is passed by one sound generator in a thousand.
    expect(chiSquare([...counts.values()], draws / 24)).toBeLessThan(49.7);
  });

  it('scatters neighbours of a large set evenly', () => {
    const size = 70_000;
    const ids = all(size, Rng.fromSeed(5));
    const cells = new Array<number>(100).fill(0);
    // Where the first tenth of the positions leads, and the gaps between neighbours.
    for (const id of ids.slice(0, 7000)) cells[Math.floor((id / size) * 100)]++;
    expect(chiSquare(cells, 70)).toBeLessThan(149);
    const adjacent = ids.filter(
      (id, position) => position > 0 && Math.abs(id - ids[position - 1]) === 1,
    );
    // Two expected; a structured cipher would give thousands.
    expect(adjacent.length).toBeLessThan(12);
  });

  it('depends on the key', () => {
    const first = all(70_000, Rng.fromSeed(5).fold(1));
    const second = all(70_000, Rng.fromSeed(5).fold(2));
    const agreeing = first.filter((id, position) => id === second[position]).length;
    expect(agreeing).toBeLessThan(10);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses the size %d', (size) => {
    expect(() => keyedPermutation(size, Rng.fromSeed(0))).toThrow(/whole size/);
  });
});

function chiSquare(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
