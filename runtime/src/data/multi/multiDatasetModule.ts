import type { HostBatch, HostTensor } from '../../core/batch.ts';
import { DataModule } from '../../core/dataModule.ts';
import type { Loader } from '../../core/loader.ts';
import type { RunKind, Stage } from '../../core/stage.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import type { Dataset } from '../dataset.ts';
import { randomSplit } from '../datasets/derived.ts';
import { SampleLoader } from '../loader/sampleLoader.ts';
import { integerWeights } from '../order/weights.ts';
import { orderedDataset, SampleOrder, type Place } from '../order/sampleOrder.ts';
import { splitEpisodes } from './episodes.ts';
import { planStages, stageLines, type PlannedDataset, type PlannedStage } from './mixturePlan.ts';
import { mixtureWeights, type MixtureWeights } from './mixtureWeights.ts';
import { applyModalityDropout } from './modalityDropout.ts';
import { hasWindows, preparedSource } from './preparedSource.ts';
import {
  multiDatasetOptions,
  multiDatasetSchema,
  type MultiDatasetInput,
  type MultiDatasetOptions,
} from './multiDatasetOptions.ts';

/** Field of every batch with the index of each sample's dataset, int32 [batch]. */
export const sourceField = 'source';

/**
 * Mixes named datasets by weight into one training loader whose order is a function of the position
 * alone; validates and tests on each dataset by itself. Samples are objects of equal layout;
 * batches also carry `source` (index of the dataset in declared order) and, for the fields listed
 * in `modalityDropout`, masks `<field>_mask`. With `contextLength` or `arSteps`, samples are windows
 * of frames: each field [contextLength, ...] and `<field>_target` [arSteps, ...].
 */
export class MultiDatasetModule extends DataModule {
  static readonly schema = multiDatasetSchema;

  readonly options: MultiDatasetOptions;
  readonly #names: readonly string[];
  #split: { train: Record<string, Dataset>; val: Record<string, Dataset> } | undefined;
  #train: { loader: SampleLoader; order: SampleOrder } | undefined;

  /** @throws UsageError for empty sets, unusable weights, unknown names and unsupported values */
  constructor(options: MultiDatasetInput) {
    super(options);
    this.options = multiDatasetOptions(options);
    this.#names = Object.keys(this.options.datasets);
    const { weights, schedule = [] } = this.#weights(this.options.datasets);
    if (weights !== undefined) integerWeights(weights, this.#names);
    for (const stage of schedule) integerWeights(stage.weights, this.#names);
    const { datasets, valDatasets, testDatasets } = this.options;
    for (const part of [datasets, valDatasets, testDatasets]) {
      for (const [name, dataset] of Object.entries(part)) {
        preparedSource(name, dataset, null, false, { ...this.options, enableCache: false });
      }
    }
  }

  /** Reads one sample of each dataset, so that datasets that do not fit together fail at once. */
  override async setup(kind: RunKind): Promise<void> {
    if (kind !== 'fit') return;
    const { loader } = this.#training();
    await loader.prepare();
    await loader.probe();
  }

  override trainDataloader(): Loader {
    return this.#training().loader;
  }

  override valDataloader(): Record<string, Loader> {
    return this.#evaluation(this.#datasets().val, 'validate');
  }

  override testDataloader(): Record<string, Loader> {
    const { testDatasets } = this.options;
    if (Object.keys(testDatasets).length === 0) {
      throw new UsageError(
        'ERR_DATA_EMPTY',
        'MultiDatasetModule: test_datasets names no dataset to test on.',
      );
    }
    return this.#evaluation(testDatasets, 'test');
  }

  override predictDataloader(): Record<string, Loader> {
    return this.#evaluation(this.options.testDatasets, 'predict');
  }

  /** What the first epoch takes from each dataset. */
  plan(): PlannedDataset[] {
    return [...this.planStages()[0].datasets];
  }

  /** What an epoch takes from each dataset, for every stage of a weight schedule. */
  planStages(): PlannedStage[] {
    return planStages(this.#training().order);
  }

  override describe(): string[] {
    const { loader, order } = this.#training();
    const { epochSize, stop, seed, mixing, contextLength, arSteps } = this.options;
    const rule = epochSize === null ? stop : 'epoch_size';
    const notes = [rule, ...(mixing === 'iid' ? ['iid, numbers expected'] : []), `seed ${seed}`];
    if (hasWindows(this.options)) notes.push(`windows of ${contextLength} + ${arSteps} frames`);
    return [
      `${order.datasets.length} datasets, ${loader.samplesPerEpoch.toLocaleString('en-US')} samples an epoch (${notes.join(', ')})`,
      ...stageLines(this.planStages(), order.length),
    ];
  }

  #weights(datasets: Readonly<Record<string, Dataset>>): MixtureWeights {
    const sizes = Object.entries(datasets).map(([name, { length }]) => [name, length] as const);
    const { datasetWeights, temperature } = this.options;
    return mixtureWeights(datasetWeights, temperature, Object.fromEntries(sizes));
  }

  /** Training and validation parts, split once so that both sides always agree. */
  #datasets(): { train: Record<string, Dataset>; val: Record<string, Dataset> } {
    if (this.#split !== undefined) return this.#split;
    const { datasets, valDatasets, valFraction, seed } = this.options;
    const train: Record<string, Dataset> = {};
    const val: Record<string, Dataset> = {};
    for (const [name, dataset] of Object.entries(datasets)) {
      if (valFraction === 0 || name in valDatasets) {
        train[name] = dataset;
        continue;
      }
      if (dataset.episodes !== undefined) {
        [train[name], val[name]] = splitEpisodes(name, dataset, valFraction, seed);
        continue;
      }
      const held = Math.max(1, Math.round(dataset.length * valFraction));
      if (held >= dataset.length) {
        throw new UsageError(
          'ERR_DATA_SPLIT',
          `Dataset "${name}" has ${dataset.length} samples; val_fraction ${valFraction} would leave none to train on.`,
        );
      }
      [train[name], val[name]] = randomSplit(dataset, [dataset.length - held, held], seed);
    }
    this.#split = { train, val: { ...val, ...valDatasets } };
    return this.#split;
  }

  #training(): { loader: SampleLoader; order: SampleOrder } {
    if (this.#train !== undefined) return this.#train;
    const { batchSize, dropLast, epochSize, stop, seed, transform, mixing } = this.options;
    const sources = Object.entries(this.#datasets().train).map(([name, dataset]) =>
      preparedSource(name, dataset, transform, true, this.options),
    );
    const order = new SampleOrder({
      datasets: sources.map(({ name, dataset }) => orderedDataset(name, dataset)),
      ...this.#weights(Object.fromEntries(sources.map(({ name, dataset }) => [name, dataset]))),
      mixing,
      stop: epochSize === null ? stop : { samples: epochSize },
      seed,
    });
    const loader = new SampleLoader({
      sources,
      order,
      batchSize,
      dropLast,
      stage: 'train',
      rank: this.options.rank,
      ranks: this.options.ranks,
      numWorkers: this.options.numWorkers,
      prefetch: this.options.prefetch,
      faults: this.options.faults,
      faultLimits: this.options.faultLimits,
      bucketBatches: this.options.bucketBatches,
      collate: this.options.collate ?? undefined,
      finish: (batch, places) => this.#finish(batch, places, order, (place) => place.dataset),
    });
    this.#train = { loader, order };
    return this.#train;
  }

  #evaluation(datasets: Readonly<Record<string, Dataset>>, stage: Stage): Record<string, Loader> {
    const { batchSize, seed, evalTransform } = this.options;
    return Object.fromEntries(
      Object.entries(datasets).map(([name, dataset]) => {
        const prepared = preparedSource(name, dataset, evalTransform, false, this.options);
        const order = new SampleOrder({
          datasets: [orderedDataset(name, prepared.dataset)],
          shuffle: false,
          seed,
        });
        const source = this.#names.indexOf(name);
        const loader = new SampleLoader({
          sources: [prepared],
          order,
          batchSize,
          dropLast: false,
          stage,
          numWorkers: this.options.numWorkers,
          prefetch: this.options.prefetch,
          faults: this.options.faults,
          faultLimits: this.options.faultLimits,
          collate: this.options.collate ?? undefined,
          finish: (batch, places) => this.#finish(batch, places, undefined, () => source),
        });
        return [name, loader];
      }),
    );
  }

  /** Adds sources and masks; `order` gives the keys of dropout and is absent in evaluation. */
  #finish(
    batch: HostBatch,
    places: readonly Place[],
    order: SampleOrder | undefined,
    sourceOf: (place: Place) => number,
  ): HostBatch {
    if (!isPlainObject(batch) || isTensor(batch) || sourceField in batch) {
      throw new UsageError(
        'ERR_DATA_MISMATCH',
        `MultiDatasetModule needs samples that are objects without a field "${sourceField}": it adds that one with the index of the dataset.`,
      );
    }
    const source: HostTensor = {
      data: Int32Array.from(places, sourceOf),
      shape: [places.length],
      dtype: 'int32',
    };
    const rngOf = order && ((slot: number) => order.rng(places[slot], 'modality'));
    const fields = batch as Record<string, HostBatch>;
    const masked = applyModalityDropout(fields, places.length, this.options.modalityDropout, rngOf);
    return { ...masked, [sourceField]: source };
  }
}

function isTensor(value: Record<string, unknown>): boolean {
  return ArrayBuffer.isView(value.data) && Array.isArray(value.shape);
}
