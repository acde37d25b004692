import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { ImageFolderDataset } from '../../../../runtime/src/data/datasets/imageFolderDataset.ts';
import { resolveDataPath } from '../../../../runtime/src/data/datasets/dataPath.ts';
import { collect, digest } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-images-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fox = resolveDataPath('package:vega-datasets/data/ffox.png');
const fresh = (name: string, ...classes: string[]): string => {
  for (const own of classes) mkdirSync(join(folder, name, own), { recursive: true });
  return join(folder, name);
};
const small = (width = 24, height = 16) =>
  sharp(fox).resize(width, height, { fit: 'fill' }).flatten({ background: '#fff' });

let photos: string;

beforeAll(async () => {
  photos = fresh('photos', 'cats', 'ants/deep');
  await small().jpeg({ quality: 95 }).toFile(join(photos, 'cats/b.jpg'));
  await small().png().toFile(join(photos, 'cats/a.PNG'));
  await small().webp({ lossless: true }).toFile(join(photos, 'ants/deep/c.webp'));
  writeFileSync(join(photos, 'cats/notes.txt'), 'no image');
});

describe('ImageFolderDataset', () => {
  it('gives images of sorted classes and files', async () => {
    const dataset = new ImageFolderDataset({ path: photos });
    expect(dataset.classes).toEqual(['ants', 'cats']);
    expect(dataset.files).toEqual(['ants/deep/c.webp', 'cats/a.PNG', 'cats/b.jpg']);
    const expected = await small().raw().toBuffer();
    const { image, label } = await dataset.get(1);
    expect(label).toBe(1);
    expect(image).toMatchObject({ shape: [16, 24, 3], dtype: 'float32' });
    expect([...image.data].map((value) => Math.round(value * 255))).toEqual([...expected]);
    expect((await dataset.get(0)).label).toBe(0);
  });

  it('decodes by WebAssembly and by sharp to the same bytes, whatever the EXIF orientation', async () => {
    const turned = fresh('turned', 'a');
    for (let orientation = 1; orientation <= 8; orientation++) {
      const image = small(21, 13).jpeg({ quality: 95 }).withMetadata({ orientation });
      await image.toFile(join(turned, `a/${orientation}.jpg`));
    }
    const options = { path: turned, scale: false, anySize: true } as const;
    const wasm = new ImageFolderDataset({ ...options, decoder: 'jsquash' });
    const native = new ImageFolderDataset({ ...options, decoder: 'sharp' });
    for (let index = 0; index < 8; index++) {
      const { image } = await wasm.get(index);
      expect(image.shape).toEqual(index < 4 ? [13, 21, 3] : [21, 13, 3]);
      expect(image).toEqual((await native.get(index)).image);
    }
    // Another implementation of the same format: its rounding may differ.
    const fast = new ImageFolderDataset({ ...options, decoder: 'napi' });
    for (let index = 0; index < 8; index++) {
      const [a, b] = [(await fast.get(index)).image, (await native.get(index)).image];
      expect(a.shape).toEqual(b.shape);
      expect(
        Math.max(...[...a.data].map((value, at) => Math.abs(value - b.data[at]))),
      ).toBeLessThan(5);
    }
  });

  it('decodes grey, progressive and CMYK jpeg natively as sharp does', async () => {
    const path = fresh('kinds', 'a');
    await small().greyscale().jpeg({ quality: 95 }).toFile(join(path, 'a/1.jpg'));
    await small().jpeg({ quality: 95, progressive: true }).toFile(join(path, 'a/2.jpg'));
    await small().toColourspace('cmyk').jpeg({ quality: 95 }).toFile(join(path, 'a/3.jpg'));
    for (const color of ['rgb', 'grey'] as const) {
      const options = { path, scale: false, color };
      const [fast, slow] = (['napi', 'sharp'] as const).map(
        (decoder) => new ImageFolderDataset({ ...options, decoder }),
      );
      for (let index = 0; index < 3; index++) {
        const [a, b] = [(await fast.get(index)).image, (await slow.get(index)).image];
        expect(a.shape).toEqual(b.shape);
        const distance = [...a.data].reduce((sum, v, at) => sum + Math.abs(v - b.data[at]), 0);
        // CMYK without a profile: each has its own idea of the inks.
        expect(distance / a.data.length).toBeLessThan(index === 2 ? 12 : 1);
      }
    }
  });

  it('resizes and takes grey', async () => {
    const options = { path: photos, resize: [8, 12] as [number, number], color: 'grey' } as const;
    const dataset = new ImageFolderDataset({ ...options, mean: 0.5, std: 0.5 });
    expect(dataset.columns.image).toEqual({ dtype: 'float32', shape: [8, 12, 1] });
    const native = new ImageFolderDataset({ ...options, mean: 0.5, std: 0.5, decoder: 'sharp' });
    for (let index = 0; index < 3; index++) {
      const [a, b] = [(await dataset.get(index)).image, (await native.get(index)).image];
      expect(a.shape).toEqual([8, 12, 1]);
      const distance = [...a.data].reduce(
        (sum, value, at) => sum + Math.abs(value - b.data[at]),
        0,
      );
      expect(distance / a.data.length).toBeLessThan(0.02);
      expect(Math.min(...a.data)).toBeGreaterThanOrEqual(-1);
    }
  });

  it.each([true, false])('gives loader threads the same batches, scale %s', async (scale) => {
    const dataset = new ImageFolderDataset({ path: photos, scale });
    const batches = async (numWorkers: number): Promise<string[]> => {
      const loader = new DataLoader({ dataset, batchSize: 2, seed: 4, numWorkers });
      const found = (await collect(loader, 0, 6)).map(({ batch }) => digest(batch));
      await loader.dispose();
      return found;
    };
    expect(await batches(2)).toEqual(await batches(0));
  });

  it('hashes names, sizes and options', () => {
    const hash = new ImageFolderDataset({ path: photos }).fingerprint;
    expect(new ImageFolderDataset({ path: photos }).fingerprint).toBe(hash);
    expect(new ImageFolderDataset({ path: photos, color: 'grey' }).fingerprint).not.toBe(hash);
  });

  it('names both files whose sizes differ, and the way out', async () => {
    const path = fresh('sizes', 'a');
    await small().png().toFile(join(path, 'a/1.png'));
    await small(30, 30).png().toFile(join(path, 'a/2.png'));
    const dataset = new ImageFolderDataset({ path });
    await expect(dataset.get(1)).rejects.toThrow(
      /a\/2\.png is \[30, 30, 3\], but a\/1\.png is \[16, 24, 3\]\. Set resize/,
    );
    const any = new ImageFolderDataset({ path, anySize: true });
    expect((await any.get(1)).image.shape).toEqual([30, 30, 3]);
    const equal = new ImageFolderDataset({ path, resize: 8 });
    expect((await equal.get(1)).image.shape).toEqual([8, 8, 3]);
  });

  it.each([
    ['cut.jpg', () => readFileSync(join(photos, 'cats/b.jpg')).subarray(0, 400), 'TRUNCATED'],
    ['cut.png', () => readFileSync(join(photos, 'cats/a.PNG')).subarray(0, 400), 'TRUNCATED'],
    ['cut.webp', () => readFileSync(join(photos, 'ants/deep/c.webp')).subarray(0, 300), 'IMAGE'],
    ['text.jpg', () => Buffer.from('hello'), 'IMAGE'],
    ['empty.png', () => Buffer.alloc(0), 'IMAGE'],
    ['bad.png', () => readFileSync(join(photos, 'cats/a.PNG')).fill(7, 60, 200), 'IMAGE'],
  ])('names a broken file: %s', async (name, bytes, code) => {
    const path = fresh(`broken-${name}`, 'a');
    writeFileSync(join(path, 'a', name), bytes());
    const dataset = new ImageFolderDataset({ path });
    await expect(dataset.get(0)).rejects.toMatchObject({
      code: `ERR_DATA_${code}`,
      message: expect.stringContaining(join(path, 'a', name)),
    });
  });

  it('refuses folders without classes or without images', () => {
    expect(() => new ImageFolderDataset({ path: fresh('flat', 'x/y').concat('/x/y') })).toThrow(
      /holds no folders/,
    );
    expect(() => new ImageFolderDataset({ path: fresh('empty', 'a') })).toThrow(/a is empty/);
    writeFileSync(join(fresh('other', 'a'), 'a/x.tiff'), '');
    expect(() => new ImageFolderDataset({ path: join(folder, 'other') })).toThrow(
      /holds only files ending in \.tiff; expected images ending in \.jpg/,
    );
    expect(() => new ImageFolderDataset({ path: join(folder, 'absent') })).toThrow(/There is no/);
  });

  // root reads everything.
  const privileged = process.getuid?.() === 0;
  (privileged ? it.skip : it)('names a folder that may not be read', () => {
    const path = fresh('locked', 'a');
    chmodSync(join(path, 'a'), 0);
    expect(() => new ImageFolderDataset({ path })).toThrow(/locked\/a cannot be read: EACCES/);
    chmodSync(join(path, 'a'), 0o700);
  });
});
