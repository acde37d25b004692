import { describe, expect, it } from '@jest/globals';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';
import { ColorJitter, jitterColors } from '../../../../runtime/src/data/transforms/colorJitter.ts';
import { RandomResizedCrop } from '../../../../runtime/src/data/transforms/randomResizedCrop.ts';
import { Resize } from '../../../../runtime/src/data/transforms/resize.ts';
import { Compose } from '../../../../runtime/src/data/transforms/transform.ts';
import { pack, unpack } from '../../../../runtime/src/data/workers/recipe.ts';
import { Rng } from '../../../../runtime/src/random/rng.ts';

const rng = Rng.fromSeed(3);

function sampleOf(shape: readonly number[], value: (index: number) => number) {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i));
  return { image: { data, shape, dtype: 'float32' } as HostTensor, label: 1 };
}

function imageOf(sample: unknown): HostTensor {
  return (sample as { image: HostTensor }).image;
}

describe('Resize', () => {
  it('averages what it shrinks and interpolates what it grows', () => {
    const ramp = sampleOf([2, 4, 1], (index) => index % 4);
    const half = imageOf(new Resize({ size: [1, 2] }).apply(ramp));
    expect(half.shape).toEqual([1, 2, 1]);
    // Triangles of width 4 around 1 and 3, cut off at the border.
    expect(half.data[0]).toBeCloseTo((0.75 * 0 + 0.75 * 1 + 0.25 * 2) / 1.75, 6);
    expect(half.data[1]).toBeCloseTo(3 - half.data[0], 6);
    const twice = imageOf(new Resize({ size: [2, 8] }).apply(ramp));
    const row = [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3];
    [...row, ...row].forEach((value, at) => expect(twice.data[at]).toBeCloseTo(value, 6));
  });

  it('keeps flat images flat, each channel by itself', () => {
    const flat = sampleOf([7, 5, 3], (index) => (index % 3) + 1);
    const { data, shape } = imageOf(new Resize({ size: 11 }).apply(flat));
    expect(shape).toEqual([11, 11, 3]);
    data.forEach((value, index) => expect(value).toBeCloseTo((index % 3) + 1, 5));
  });
});

describe('RandomResizedCrop', () => {
  it('takes the whole image for scale 1 and its own ratio', () => {
    const whole = new RandomResizedCrop({ size: [4, 6], scale: [1, 1], ratio: [1.5, 1.5] });
    const sample = sampleOf([4, 6, 2], (index) => index);
    expect([...imageOf(whole.apply(sample, rng)).data]).toEqual([...sample.image.data]);
  });

  it('draws windows of the given areas and ratios', () => {
    // Each pixel holds its place, so the mean of a window tells its middle, the spread its size.
    const sample = sampleOf([60, 80, 2], (index) =>
      index % 2 === 0 ? Math.floor(index / 160) : Math.floor(index / 2) % 80,
    );
    const crop = new RandomResizedCrop({ size: 40, scale: [0.1, 0.5], ratio: [0.5, 2] });
    const middles = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const { data } = imageOf(crop.apply(sample, rng.fold(i)));
      // Between the middles of pixels well inside, values rise by (window size) / 40.
      const height = data[2 * (40 * 25)] - data[2 * (40 * 15)];
      const width = data[2 * 25 + 1] - data[2 * 15 + 1];
      const [h, w] = [4 * height, 4 * width];
      expect((h * w) / 4800).toBeGreaterThan(0.09);
      expect((h * w) / 4800).toBeLessThan(0.52);
      expect(w / h).toBeGreaterThan(0.47);
      expect(w / h).toBeLessThan(2.15);
      middles.add(Math.round(data[2 * (40 * 20)]));
    }
    expect(middles.size).toBeGreaterThan(15);
  });

  it('falls back to the middle where no window fits', () => {
    const wide = sampleOf([2, 40, 1], (index) => index % 40);
    const crop = new RandomResizedCrop({ size: [2, 2], scale: [1, 1], ratio: [1, 1] });
    expect([...imageOf(crop.apply(wide, rng)).data]).toEqual([19, 20, 19, 20]);
  });
});

describe('ColorJitter', () => {
  const image = { data: Float32Array.of(0.2, 0.4, 0.6, 0.1, 0.5, 0.3), height: 1, width: 2 };
  const rgb = { ...image, channels: 3 };
  const none = { brightness: 1, contrast: 1, saturation: 1 };
  const greys = [0, 3].map(
    (at) => 0.299 * image.data[at] + 0.587 * image.data[at + 1] + 0.114 * image.data[at + 2],
  );

  it.each([
    { factors: { brightness: 2 }, expected: (value: number) => 2 * value },
    {
      factors: { contrast: 0.5 },
      expected: (value: number) => (value + (greys[0] + greys[1]) / 2) / 2,
    },
    {
      factors: { saturation: 0 },
      expected: (_: number, index: number) => greys[Math.floor(index / 3)],
    },
    { factors: {}, expected: (value: number) => value },
  ])('changes pixels by $factors', ({ factors, expected }) => {
    const { data } = jitterColors(rgb, { ...none, ...factors }, [0, 1]);
    image.data.forEach((value, index) => {
      expect(data[index]).toBeCloseTo(Math.min(1, expected(value, index)), 6);
    });
  });

  it('cuts to the range, or not', () => {
    const grey = { ...image, channels: 1, height: 2, width: 3 };
    const factors = { ...none, brightness: 10 };
    expect(Math.max(...jitterColors(grey, factors, [0, 1]).data)).toBe(1);
    expect(Math.max(...jitterColors(grey, factors, [-Infinity, Infinity]).data)).toBeCloseTo(6, 5);
  });

  it('draws factors evenly from 1 - x to 1 + x, by the key alone', () => {
    const jitter = new ColorJitter({ brightness: 0.5 });
    const one = sampleOf([1, 1, 1], () => 0.5);
    const factors = Array.from(
      { length: 1000 },
      (_, i) => imageOf(jitter.apply(one, rng.fold(i))).data[0] / 0.5,
    );
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.5);
    expect(factors.filter((factor) => factor < 0.75).length).toBeGreaterThan(200);
    expect(factors.filter((factor) => factor > 1.25).length).toBeGreaterThan(200);
    expect(imageOf(jitter.apply(one, rng.fold(7))).data[0] / 0.5).toBe(factors[7]);
    expect(one.image.data[0]).toBe(0.5);
  });
});

describe('all of them', () => {
  it('go to loader threads', async () => {
    const chain = new Compose([
      new RandomResizedCrop({ size: 6 }),
      new ColorJitter({ brightness: 0.2, contrast: 0.2, saturation: 0.2 }),
      new Resize({ size: [3, 4] }),
    ]);
    const sample = sampleOf([8, 9, 3], (index) => (index % 10) / 10);
    const again = (await unpack(pack(chain, 'the transform'))) as Compose;
    const [first, second] = [chain, again].map((each) => imageOf(each.apply(sample, rng.fold(1))));
    expect(second.shape).toEqual([3, 4, 3]);
    expect([...second.data]).toEqual([...first.data]);
  });

  it('check their options', () => {
    expect(() => new Resize({ size: 0 })).toThrow(/Resize: size/);
    expect(() => new RandomResizedCrop({ size: 4, scale: [0.5, 2] })).toThrow(/scale/);
    expect(() => new RandomResizedCrop({ size: 4, ratio: [2, 1] })).toThrow(/ratio/);
    expect(() => new ColorJitter({ contrast: -1 })).toThrow(/ColorJitter: contrast/);
  });
});
