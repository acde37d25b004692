import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { IdxDataset } from '../../../../runtime/src/data/datasets/idxDataset.ts';
import { ImageTransform } from '../../../../runtime/src/data/transforms/imageTransform.ts';
import { Normalize } from '../../../../runtime/src/data/transforms/normalize.ts';
import { RandomAffine } from '../../../../runtime/src/data/transforms/randomAffine.ts';
import { cropImage, RandomCrop } from '../../../../runtime/src/data/transforms/randomCrop.ts';
import { RandomHorizontalFlip } from '../../../../runtime/src/data/transforms/randomHorizontalFlip.ts';
import { Compose } from '../../../../runtime/src/data/transforms/transform.ts';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';
import { Rng } from '../../../../runtime/src/random/rng.ts';
import { collect, digest } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-image-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rng = Rng.fromSeed(1);

function image(shape: readonly [number, number, number]): { image: HostTensor; label: number } {
  const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => i + 1);
  return { image: { data, shape: [...shape], dtype: 'float32' }, label: 4 };
}

function pixels(sample: unknown): number[] {
  return [...(sample as { image: HostTensor }).image.data];
}

describe('image transforms', () => {
  it('normalize each channel and keep the other fields', () => {
    const sample = image([1, 2, 2]);
    const result = new Normalize({ mean: [1, 2], std: [2, 4] }).apply(sample);
    expect(pixels(result)).toEqual([0, 0, 1, 0.5]);
    expect(result).toMatchObject({ label: 4, image: { shape: [1, 2, 2] } });
    expect(pixels(sample)).toEqual([1, 2, 3, 4]);
  });

  it('crop windows that reach over the border', () => {
    const source = { data: Float32Array.of(1, 2, 3, 4, 5, 6), height: 2, width: 3, channels: 1 };
    const crop = (top: number, left: number): number[] => [
      ...cropImage(source, { top, left, height: 2, width: 3, fill: 9 }).data,
    ];
    expect(crop(0, 0)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(crop(-1, -1)).toEqual([9, 9, 9, 9, 1, 2]);
    expect(crop(1, 2)).toEqual([6, 9, 9, 9, 9, 9]);
    expect(crop(2, 0)).toEqual([9, 9, 9, 9, 9, 9]);
    expect(crop(0, -3)).toEqual([9, 9, 9, 9, 9, 9]);
  });

  it('crop to a size, reaching every place', () => {
    const crop = new RandomCrop({ size: [1, 2] });
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++)
      seen.add(pixels(crop.apply(image([2, 3, 1]), rng.fold(i))).join());
    expect([...seen].sort()).toEqual(['1,2', '2,3', '4,5', '5,6']);
    expect(() => new RandomCrop({ size: [3, 3] }).apply(image([2, 3, 1]), rng)).toThrow(
      /window of 3 x 3 does not fit an image of 2 x 3/,
    );
  });

  it('mirror pixels, not channels, as often as asked', () => {
    const always = new RandomHorizontalFlip({ p: 1 });
    expect(pixels(always.apply(image([2, 2, 2]), rng))).toEqual([3, 4, 1, 2, 7, 8, 5, 6]);
    expect(pixels(always.apply(image([2, 2, 1]), rng))).toEqual([2, 1, 4, 3]);
    const third = new RandomHorizontalFlip({ p: 0.3 });
    let mirrored = 0;
    for (let i = 0; i < 1000; i++) {
      if (pixels(third.apply(image([1, 2, 1]), rng.fold(i)))[0] === 2) mirrored++;
    }
    expect(Math.abs(mirrored - 300)).toBeLessThan(60);
  });

  it('rotate, shift and scale', () => {
    const still = new RandomAffine();
    expect(pixels(still.apply(image([3, 3, 2]), rng))).toEqual(pixels(image([3, 3, 2])));
    const zoomed = new RandomAffine({ scale: [2, 2], fill: 0 });
    const [, , , , center] = pixels(zoomed.apply(image([3, 3, 1]), rng));
    expect(center).toBeCloseTo(5, 5);
    const turned = pixels(new RandomAffine({ degrees: 90 }).apply(image([5, 5, 1]), rng));
    expect(turned[12]).toBeCloseTo(13, 4);
    expect(turned).not.toEqual(pixels(image([5, 5, 1])));
  });

  it.each([
    {
      sample: { picture: 1 },
      message: /looks for an image in field "image"; the sample has picture/,
    },
    { sample: { image: Float32Array.of(1) }, message: /needs a float32 image .* in field "image"/ },
    { sample: 3, message: /the sample has number/ },
  ])('refuse $sample', ({ sample, message }) => {
    expect(() => new Normalize().apply(sample)).toThrow(message);
  });

  it('check their options', () => {
    expect(() => new RandomCrop({ padding: -1 })).toThrow(/RandomCrop: padding/);
    expect(() => new RandomHorizontalFlip({ p: 2 })).toThrow(/RandomHorizontalFlip: p/);
    expect(() => new ImageTransform(JSON.parse('{"flips": 1}') as object)).toThrow(
      /unknown option "flips". Did you mean "flip"/,
    );
  });
});

describe('ImageTransform', () => {
  const shapes = [
    [9, 5, 4, 1],
    [9, 5, 4, 3],
    [7, 3, 7, 1],
    [7, 3, 6, 2],
  ];

  it.each(shapes)(
    'gives the same values in one pass and sample by sample: %j',
    async (...shape) => {
      const count = shape.reduce((product, size) => product * size, 1);
      const bytes = new Uint8Array(4 + 16 + count);
      const axes = shape[3] === 1 ? shape.slice(0, 3) : shape;
      const start = 4 + 4 * axes.length;
      bytes.set([0, 0, 8, axes.length]);
      axes.forEach((size, axis) => new DataView(bytes.buffer).setUint32(4 + 4 * axis, size));
      for (let i = 0; i < count; i++) bytes[start + i] = (i * 37) % 256;
      const path = join(folder, `images-${axes.length}`);
      writeFileSync(path, bytes.subarray(0, start + count));
      const dataset = new IdxDataset({ images: path, mean: 0.2, std: 0.7 });
      const mean = shape[3] === 1 ? 0.13 : [0.1, 0.2, 0.3].slice(0, shape[3]);
      // Padding larger than the image: whole rows and columns come from outside.
      for (const options of [
        { padding: 6, flip: 0.5, fill: 0.4, mean, std: 0.31 },
        { flip: 1 },
        { mean },
      ]) {
        const transform = new ImageTransform(options);
        const fused = new DataLoader({ dataset, batchSize: 4, transform });
        const single = new DataLoader({
          dataset,
          batchSize: 4,
          transform: new Compose([transform]),
        });
        expect([fused.fused, single.fused]).toEqual([true, false]);
        const [first, second] = [await collect(fused, 0, 27), await collect(single, 0, 27)];
        expect(first.map(({ batch }) => digest(batch))).toEqual(
          second.map(({ batch }) => digest(batch)),
        );
        // Some windows lie wholly outside, so a few batches may be alike.
        expect(new Set(first.map(({ batch }) => digest(batch))).size).toBeGreaterThan(4);
      }
    },
  );

  it('is random only when it shifts or mirrors', () => {
    expect(new ImageTransform({ mean: 1 }).random).toBe(false);
    expect(new ImageTransform({ padding: 1 }).random).toBe(true);
    expect(new ImageTransform({ flip: 0.5 }).random).toBe(true);
  });
});
