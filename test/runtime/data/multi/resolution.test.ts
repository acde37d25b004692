import { describe, expect, it } from '@jest/globals';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';
import { ArrayDataset } from '../../../../runtime/src/data/datasets/derived.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import type { MultiDatasetInput } from '../../../../runtime/src/data/multi/multiDatasetOptions.ts';
import { resizeNearest, resizeSmooth } from '../../../../runtime/src/data/multi/resizeImage.ts';
import { RandomCrop } from '../../../../runtime/src/data/transforms/randomCrop.ts';
import { collect, digest, field } from '../batches.ts';

function image(
  height: number,
  width: number,
  at: (y: number, x: number, c: number) => number,
  channels = 1,
): HostTensor {
  const data = Float32Array.from({ length: height * width * channels }, (_, i) =>
    at(Math.floor(i / (width * channels)), Math.floor(i / channels) % width, i % channels),
  );
  return { data, shape: [height, width, channels], dtype: 'float32' };
}

describe('resizing', () => {
  it('interpolates between pixel centres when growing', () => {
    const { data, shape } = resizeSmooth(
      image(1, 2, (_, x) => 4 * x),
      1,
      4,
    );
    expect(shape).toEqual([1, 4, 1]);
    expect([...data]).toEqual([0, 1, 3, 4]);
  });

  it('averages over all pixels when shrinking', () => {
    // Every second column is 1: without a filter a third of the columns would be all or nothing.
    const stripes = resizeSmooth(
      image(6, 60, (_, x) => x % 2),
      2,
      10,
    );
    for (const value of stripes.data) expect(Math.abs(value - 0.5)).toBeLessThan(0.06);
  });

  // Pillow 12.3: Image.resize((width, 1), Resampling.BILINEAR) of one row in mode F.
  it.each([
    { row: [0, 1, 4, 9, 16], expected: [0.42857143, 4.44444466, 13] },
    { row: [3, 1, 4, 1, 5, 9, 2, 6], expected: [2.28947377, 4.09523821, 5.05263138] },
    {
      row: [3, 1, 4],
      expected: [3, 2.71428561, 1.85714281, 1, 2.28571439, 3.57142854, 4],
    },
  ])('gives the values of Pillow: $row', ({ row, expected }) => {
    const { data } = resizeSmooth(
      image(1, row.length, (_, x) => row[x]),
      1,
      expected.length,
    );
    expect(data).toHaveLength(expected.length);
    data.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index], 6);
    });
  });

  it.each([
    [7, 9, 13, 4],
    [16, 16, 5, 31],
    [3, 3, 1, 1],
  ])('keeps constants, slopes and channels apart: %d x %d to %d x %d', (h, w, height, width) => {
    const { data } = resizeSmooth(
      image(h, w, (_y, _x, c) => c + 1, 3),
      height,
      width,
    );
    data.forEach((value, index) => {
      expect(value).toBeCloseTo((index % 3) + 1, 5);
    });
    const slope = resizeSmooth(
      image(h, w, (y) => y),
      height,
      width,
    );
    const column = Array.from({ length: height }, (_, y) => slope.data[y * width]);
    expect([...column].sort((a, b) => a - b)).toEqual(column);
  });

  it('takes the nearest whole number of label maps', () => {
    const labels: HostTensor = {
      data: Int32Array.of(1, 7, 3, 9),
      shape: [2, 2, 1],
      dtype: 'int32',
    };
    expect([...resizeNearest(labels, 4, 2).data]).toEqual([1, 7, 1, 7, 3, 9, 3, 9]);
    expect([...resizeNearest(labels, 1, 1).data]).toEqual([9]);
  });
});

const small = new ArrayDataset(
  Array.from({ length: 6 }, (_, i) => ({
    image: image(8, 6, () => i),
    depth: image(8, 6, () => i),
  })),
);
const large = new ArrayDataset(
  Array.from({ length: 6 }, (_, i) => ({
    image: image(20, 30, () => 100 + i),
    depth: image(10, 15, () => 100 + i),
  })),
);

const make = (options: Partial<MultiDatasetInput> = {}): MultiDatasetModule =>
  new MultiDatasetModule({ datasets: { small, large }, batchSize: 4, ...options });

describe('resolution', () => {
  it('lets datasets of different image sizes share batches, before the transform', async () => {
    const module = make({
      resolution: [12, 10],
      transform: new RandomCrop({ size: [9, 9] }),
      valDatasets: { large },
    });
    await module.setup('fit');
    for (const { batch } of await collect(module.trainDataloader(), 0, 10)) {
      expect(field(batch, 'image').shape.slice(1)).toEqual([9, 9, 1]);
      expect(field(batch, 'depth').shape.slice(1)).toEqual([12, 10, 1]);
      field(batch, 'depth').data.forEach((value, index) => {
        const first = field(batch, 'depth').data[120 * Math.floor(index / 120)];
        expect(value).toBeCloseTo(first, 4);
      });
    }
    const [val] = await collect(module.valDataloader().large, 0, 1);
    expect(field(val.batch, 'image').shape).toEqual([4, 12, 10, 1]);
  });

  it('resizes the named fields only', async () => {
    const module = make({ datasets: { small }, resolution: [4, 4], imageFields: ['depth'] });
    const [{ batch }] = await collect(module.trainDataloader(), 0, 1);
    expect(field(batch, 'depth').shape.slice(1)).toEqual([4, 4, 1]);
    expect(field(batch, 'image').shape.slice(1)).toEqual([8, 6, 1]);
  });

  it('leaves images of that size to the faster readers', async () => {
    const columns = new TensorDataset({
      image: {
        data: Float32Array.from({ length: 96 }, (_, i) => i),
        shape: [6, 4, 4, 1],
        dtype: 'float32',
      },
    });
    const fused = (resolution: [number, number] | null): Promise<unknown[]> =>
      collect(make({ datasets: { columns }, resolution }).trainDataloader(), 0, 6);
    const text = async (batches: Promise<unknown[]>): Promise<string[]> =>
      ((await batches) as { batch: never }[]).map(({ batch }) => digest(batch));
    expect(await text(fused([4, 4]))).toEqual(await text(fused(null)));
    const loader = make({ datasets: { columns }, resolution: [4, 4] }).trainDataloader();
    expect(loader).toMatchObject({ fused: true });
  });

  it('is the same in loader threads', async () => {
    const frames = (first: number, side: number): TensorDataset =>
      new TensorDataset({
        image: {
          data: Float32Array.from({ length: 6 * side * side }, (_, i) => first + ((i * 7) % 11)),
          shape: [6, side, side, 1],
          dtype: 'float32',
        },
      });
    const options = {
      datasets: { a: frames(0, 5), b: frames(50, 9) },
      resolution: [6, 7] as [number, number],
    };
    const alone = await collect(make(options).trainDataloader(), 0, 20);
    const threaded = make({ ...options, numWorkers: 1 }).trainDataloader();
    const batches = await collect(threaded, 0, 20);
    await threaded.dispose?.();
    expect(batches.map(({ batch }) => digest(batch))).toEqual(
      alone.map(({ batch }) => digest(batch)),
    );
  }, 30_000);

  it('names the datasets and the field when sizes differ without it, and what is no image', async () => {
    await expect(make().setup('fit')).rejects.toThrow(
      /Field "image" of sample 0 of dataset "large": expected float32 \[8, 6, 1\] as in sample 0 of dataset "small", got float32 \[20, 30, 1\]/,
    );
    const numbers = new ArrayDataset([{ x: 1, y: 2 }]);
    await expect(make({ datasets: { numbers }, resolution: [4, 4] }).setup('fit')).rejects.toThrow(
      /no image \[height, width, channels\] in samples with the fields x, y/,
    );
    await expect(
      make({ datasets: { small }, resolution: [4, 4], imageFields: ['rgb'] }).setup('fit'),
    ).rejects.toThrow(/no image .* in field "rgb" of samples with the fields image, depth/);
  });
});
