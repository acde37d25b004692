import type { DataModule } from '../core/dataModule.ts';
import { namedLoaders, type Loader, type Loaders } from '../core/loader.ts';
import { UsageError } from '../errors.ts';
import { limitBatches, type Limit } from './limits.ts';
import type { EvaluationLoader } from './loops/evaluationLoop.ts';
import type { Run } from './run.ts';

/** Where the batches of a stage come from, besides a data module. */
export interface FitData {
  readonly dataModule?: DataModule | undefined;
  readonly trainLoader?: Loaders | undefined;
  readonly valLoader?: Loaders | undefined;
}

/** @throws UsageError ERR_NO_DATA, ERR_TRAIN_LOADERS */
export function trainingLoader({ dataModule, trainLoader }: FitData): Loader {
  const loaders = namedLoaders(trainLoader ?? dataModule?.trainDataloader());
  if (loaders.length === 1) return loaders[0][1];
  if (loaders.length === 0) {
    throw new UsageError(
      'ERR_NO_DATA',
      'fit needs training data: give a dataModule with trainDataloader(), or a trainLoader.',
    );
  }
  throw new UsageError(
    'ERR_TRAIN_LOADERS',
    `Training takes one loader, got ${loaders.map(([name]) => name).join(', ')}. Mix datasets in one loader: MultiDatasetModule does it by weight.`,
  );
}

/** Loaders of an evaluation with the batches that are used; those limited to 0 are left out. */
export function evaluationLoaders(
  loaders: Loaders | undefined,
  limit: Limit,
  key: string,
): EvaluationLoader[] {
  return namedLoaders(loaders)
    .map(([name, loader]) => ({
      name,
      loader,
      batches: limitBatches(loader.batchesPerEpoch, limit, key),
    }))
    .filter(({ batches }) => batches !== 0);
}

/** Tells loaders where the run keeps its files; `fast_dev_run` keeps none. */
export function attachLoaders(run: Run, loaders: Iterable<Loader>): void {
  const dir = run.options.fastDevRun === false ? run.runDir : null;
  const line = (text: string): void => {
    run.terminal.line(text);
  };
  for (const loader of new Set(loaders)) loader.attach?.({ dir, line });
}

/** Ends workers and files of loaders; each only once. */
export async function disposeLoaders(loaders: Iterable<Loader>): Promise<void> {
  for (const loader of new Set(loaders)) await loader.dispose?.();
}
