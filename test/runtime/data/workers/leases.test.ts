import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { disposeBatch, toTensors } from '../../../../runtime/src/core/batch.ts';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { ImageFolderDataset } from '../../../../runtime/src/data/datasets/imageFolderDataset.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { padCollate } from '../../../../runtime/src/data/loader/padCollate.ts';
import { selectBackend } from '../../../../runtime/src/engine/index.ts';
import { Sentences } from '../loader/sentences.ts';

const opened: DataLoader[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.dispose()));
});

/** Lets threads write into every slot that is free. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

const backends = [{ accelerator: 'ort', threads: 1 }, { accelerator: 'cpu' }] as const;

describe.each(backends)('slots of loader threads on $accelerator', (backend) => {
  it('are not written again under tensors that are still held', async () => {
    await selectBackend(backend);
    const values = Float32Array.from({ length: 96 }, (_, i) => i + 0.25);
    const dataset = new TensorDataset({ x: values });
    const loader = new DataLoader({
      ...{ dataset, batchSize: 8, shuffle: false },
      ...{ numWorkers: 2, prefetch: 1 },
    });
    opened.push(loader);
    const held: { x: tf.Tensor; double: tf.Tensor }[] = [];
    for await (const { data } of loader.iterate(0)) {
      const { x } = toTensors(data) as { x: tf.Tensor };
      // Not computed yet where the back end waits until somebody reads it.
      held.push({ x, double: tf.add(x, x) });
      await settle();
    }
    expect(held).toHaveLength(12);
    held.forEach(({ x, double }, batch) => {
      const expected = values.slice(8 * batch, 8 * batch + 8);
      expect([...x.dataSync()]).toEqual([...expected]);
      expect([...double.dataSync()]).toEqual([...expected.map((value) => 2 * value)]);
    });
    disposeBatch(held);
  });

  it('become tensors of whole numbers where they hold bytes', async () => {
    await selectBackend(backend);
    const path = mkdtempSync(join(tmpdir(), 'lightbox-bytes-'));
    mkdirSync(join(path, 'a'));
    const pixels = Buffer.from([0, 7, 255, 128, 1, 2]);
    const raw = { width: 2, height: 1, channels: 3 } as const;
    await sharp(pixels, { raw }).png().toFile(join(path, 'a/1.png'));
    const dataset = new ImageFolderDataset({ path, scale: false });
    const loader = new DataLoader({ dataset, batchSize: 1, numWorkers: 1 });
    opened.push(loader);
    for await (const { data } of loader.iterate(0)) {
      const { image } = toTensors(data) as { image: tf.Tensor };
      expect([image.dtype, image.shape]).toEqual(['int32', [1, 1, 2, 3]]);
      expect(image.dataSync()).toEqual(Int32Array.from(pixels));
      expect([...tf.mul(image, 2).dataSync()]).toEqual([0, 14, 510, 256, 2, 4]);
      image.dispose();
    }
    rmSync(path, { recursive: true });
  });

  it('nor while their shapes change', async () => {
    await selectBackend(backend);
    const dataset = new Sentences(40);
    const collate = padCollate({ field: 'tokens', value: -1 });
    const options = { dataset, batchSize: 4, collate, seed: 3 };
    const read = async (numWorkers: number): Promise<number[][]> => {
      const loader = new DataLoader({ ...options, numWorkers, prefetch: 1 });
      opened.push(loader);
      const held: { tokens: tf.Tensor }[] = [];
      for await (const { data } of loader.iterate(0)) {
        held.push(toTensors(data) as { tokens: tf.Tensor });
        if (numWorkers > 0) await settle();
      }
      const values = held.map(({ tokens }) => [...tokens.shape, ...tokens.dataSync()]);
      disposeBatch(held);
      return values;
    };
    expect(await read(1)).toEqual(await read(0));
  });
});

describe('threads and faults', () => {
  it('wait until a batch is taken, whatever could not be read', async () => {
    const { FaultyDataset } = await import('../loader/faultyDataset.ts');
    const dataset = new FaultyDataset({ length: 400, broken: [2, 50, 399] });
    const loader = new DataLoader({
      ...{ dataset, batchSize: 4, shuffle: false, faults: 'substitute' as const },
      ...{ numWorkers: 2, prefetch: 1 },
    });
    opened.push(loader);
    const iterator = loader.iterate(0)[Symbol.asyncIterator]();
    await iterator.next();
    await settle();
    // What was made ahead is not counted before it is taken.
    expect(loader.faultCount).toBe(1);
    for (let batch = 1; batch < 100; batch++) await iterator.next();
    await iterator.return?.();
    expect(loader.faultCount).toBe(3);
  });
});
