import { Trainer, type Callback, type FitResult, type TrainModule } from 'lightbox-runtime';
import { DataLoader } from 'lightbox-runtime/data';
import { sampleDataset } from './samples.ts';

/** What to change about a tiny training. */
export interface TinyTraining {
  readonly folder: string;
  readonly steps: number;
  readonly samples?: number;
  readonly callbacks?: Callback[];
  readonly ckptPath?: string;
}

/** Trains on a few samples, four in a batch, and keeps the last checkpoint. */
export function trainTiny(module: TrainModule, options: TinyTraining): Promise<FitResult> {
  const { folder, steps, samples = 16, callbacks = [], ckptPath } = options;
  const trainer = new Trainer({
    maxSteps: steps,
    defaultRootDir: folder,
    logger: false,
    callbacks,
  });
  const dataset = sampleDataset(samples);
  const trainLoader = new DataLoader({ dataset, batchSize: 4, stage: 'train', seed: 3 });
  return trainer.fit({ module, trainLoader, ckptPath });
}
