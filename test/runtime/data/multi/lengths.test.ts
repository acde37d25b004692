import { describe, expect, it } from '@jest/globals';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';
import { padCollate } from '../../../../runtime/src/data/loader/padCollate.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import { Normalize } from '../../../../runtime/src/data/transforms/normalize.ts';
import { ArrayDataset } from '../../../../runtime/src/data/datasets/derived.ts';
import { Sentences } from '../loader/sentences.ts';

describe('MultiDatasetModule', () => {
  it.each([
    { bucketBatches: 0, spread: [8, 23] },
    { bucketBatches: 10, spread: [0, 5] },
  ])('pads samples to batches, of like length by $bucketBatches batches', async (each) => {
    const module = new MultiDatasetModule({
      datasets: { a: new Sentences(200), b: new Sentences(200) },
      batchSize: 16,
      collate: padCollate({ field: 'tokens' }),
      bucketBatches: each.bucketBatches,
      dropLast: true,
    });
    const spreads: number[] = [];
    for await (const { data } of module.trainDataloader().iterate(0)) {
      const { tokens, tokens_length: lengths } = data as Record<string, HostTensor>;
      const [least, most] = [Math.min(...lengths.data), Math.max(...lengths.data)];
      expect(tokens.shape).toEqual([16, most]);
      spreads.push(most - least);
    }
    const mean = spreads.reduce((sum, spread) => sum + spread) / spreads.length;
    expect(spreads.length).toBeGreaterThan(20);
    expect(mean).toBeGreaterThanOrEqual(each.spread[0]);
    expect(mean).toBeLessThanOrEqual(each.spread[1]);
  });

  it('applies a list of transforms from first to last', async () => {
    const image: HostTensor = { data: Float32Array.of(8), shape: [1, 1, 1], dtype: 'float32' };
    const module = new MultiDatasetModule({
      datasets: { only: new ArrayDataset([{ image }]) },
      transform: [new Normalize({ mean: 2 }), new Normalize({ std: 3 })],
      batchSize: 1,
    });
    for await (const { data } of module.trainDataloader().iterate(0)) {
      expect([...(data as Record<string, HostTensor>).image.data]).toEqual([2]);
    }
  });
});
