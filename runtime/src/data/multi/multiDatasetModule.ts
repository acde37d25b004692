import type { HostBatch, HostTensor } from '../../core/batch.ts';
import { DataModule } from '../../core/dataModule.ts';
import type { Loader } from '../../core/loader.ts';
import type { RunKind, Stage } from '../../core/stage.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import type { Dataset } from '../dataset.ts';
import { randomSplit } from '../datasets/derived.ts';
import { SampleLoader } from '../loader/sampleLoader.ts';
import { integerWeights, weightTotal } from '../order/weights.ts';
import { SampleOrder, type Place } from '../order/sampleOrder.ts';
import { applyModalityDropout } from './modalityDropout.ts';
import {
  mixtureWeights,
  multiDatasetOptions,
  multiDatasetSchema,
  type MultiDatasetInput,
  type MultiDatasetOptions,
} from './multiDatasetOptions.ts';

/** Field of every batch with the index of each sample's dataset, int32 [batch]. */
export const sourceField = 'source';

/** What one dataset contributes to an epoch. */
export interface PlannedDataset {
  readonly name: string;
  readonly samples: number;
  /** Share of the mixture, 0..1. */
  readonly weight: number;
  readonly samplesPerEpoch: number;
  /** Times each of its samples is seen in an epoch. */
  readonly passesPerEpoch: number;
}

/**
 * Mixes named datasets by weight into one training loader whose order is a function of the position
 * alone; validates and tests on each dataset by itself. Samples are objects of equal layout;
 * batches also carry `source` (index of the dataset in declared order) and, for the fields listed
 * in `modalityDropout`, masks `<field>_mask`.
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
    const sizes = Object.values(this.options.datasets).map(({ length }) => length);
    integerWeights(mixtureWeights(this.options, sizes), this.#names);
  }

  /** Reads one sample of each dataset, so that datasets that do not fit together fail at once. */
  override async setup(kind: RunKind): Promise<void> {
    if (kind === 'fit') await this.#training().loader.probe();
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

  /** What an epoch takes from each dataset. */
  plan(): PlannedDataset[] {
    const { order } = this.#training();
    return order.datasets.map(({ name, size }, index) => {
      const samplesPerEpoch = order.count(index, order.length);
      return {
        name,
        samples: size,
        weight: order.weights[index] / weightTotal,
        samplesPerEpoch,
        passesPerEpoch: samplesPerEpoch / size,
      };
    });
  }

  override describe(): string[] {
    const { loader } = this.#training();
    const { epochSize, stop, seed } = this.options;
    const plan = this.plan();
    const width = Math.max(...plan.map(({ name }) => name.length));
    const count = (value: number): string => value.toLocaleString('en-US').padStart(11);
    const rule = epochSize === null ? stop : 'epoch_size';
    return [
      `${plan.length} datasets, ${loader.samplesPerEpoch.toLocaleString('en-US')} samples an epoch (${rule}, seed ${seed})`,
      ...plan.map(
        ({ name, samples, weight, samplesPerEpoch, passesPerEpoch }) =>
          `  ${name.padEnd(width)} ${count(samples)} samples, ${(100 * weight).toFixed(2).padStart(6)} %: ${count(samplesPerEpoch)} an epoch = ${passesPerEpoch.toFixed(2)} passes`,
      ),
    ];
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
    const { batchSize, dropLast, epochSize, stop, seed, transform } = this.options;
    const { train } = this.#datasets();
    const entries = Object.entries(train);
    const order = new SampleOrder({
      datasets: entries.map(([name, dataset]) => ({
        name,
        size: dataset.length,
        fingerprint: dataset.fingerprint,
      })),
      weights: mixtureWeights(
        this.options,
        entries.map(([, { length }]) => length),
      ),
      stop: epochSize === null ? stop : { samples: epochSize },
      seed,
    });
    const loader = new SampleLoader({
      sources: entries.map(([name, dataset]) => ({
        name,
        dataset,
        transform: transform ?? undefined,
      })),
      order,
      batchSize,
      dropLast,
      stage: 'train',
      numWorkers: this.options.numWorkers,
      prefetch: this.options.prefetch,
      finish: (batch, places) => this.#finish(batch, places, order, (place) => place.dataset),
    });
    this.#train = { loader, order };
    return this.#train;
  }

  #evaluation(datasets: Readonly<Record<string, Dataset>>, stage: Stage): Record<string, Loader> {
    const { batchSize, seed, evalTransform } = this.options;
    return Object.fromEntries(
      Object.entries(datasets).map(([name, dataset]) => {
        const order = new SampleOrder({
          datasets: [{ name, size: dataset.length, fingerprint: dataset.fingerprint }],
          shuffle: false,
          seed,
        });
        const source = this.#names.indexOf(name);
        const loader = new SampleLoader({
          sources: [{ name, dataset, transform: evalTransform ?? undefined }],
          order,
          batchSize,
          dropLast: false,
          stage,
          numWorkers: this.options.numWorkers,
          prefetch: this.options.prefetch,
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
