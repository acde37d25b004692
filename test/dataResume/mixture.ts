import { threadId } from 'node:worker_threads';
import { TensorDataset } from '../../runtime/src/data/datasets/tensorDataset.ts';
import { MultiDatasetModule } from '../../runtime/src/data/multi/multiDatasetModule.ts';
import type { Recipe } from '../../runtime/src/data/workers/recipe.ts';
import type { Rng } from '../../runtime/src/random/rng.ts';

/** Augmentation that draws; `planted` breaks its key on purpose, as if workers seeded themselves. */
export class Jitter {
  readonly name = 'jitter';
  readonly version = 1;
  readonly random = true;
  readonly parameters: { readonly planted: boolean };

  constructor(planted: boolean) {
    this.parameters = { planted };
  }

  recipe(): Recipe {
    return { module: import.meta.url, name: 'Jitter', args: [this.parameters.planted] };
  }

  apply(sample: unknown, rng: Rng): unknown {
    const key = this.parameters.planted ? rng.fold(threadId) : rng;
    return { ...(sample as object), noise: key.uniform() };
  }
}

export interface MixtureOptions {
  readonly numWorkers: number;
  readonly prefetch: number;
  readonly planted: boolean;
}

/** Two datasets 3:1 with augmentation and modality dropout; 7 does not divide an epoch. */
export function openMixture({ numWorkers, prefetch, planted }: MixtureOptions): MultiDatasetModule {
  return new MultiDatasetModule({
    datasets: { near: table(211, 1), far: table(60, 10_000) },
    datasetWeights: [3, 1],
    modalityDropout: { rgb: 0.3, depth: 0.5 },
    transform: new Jitter(planted),
    batchSize: 7,
    seed: 5,
    numWorkers,
    prefetch,
  });
}

function table(size: number, first: number): TensorDataset {
  return new TensorDataset({
    rgb: {
      data: Float32Array.from({ length: size * 12 }, (_, i) => first + i),
      shape: [size, 12],
      dtype: 'float32',
    },
    depth: Float32Array.from({ length: size }, (_, i) => first + i),
  });
}
