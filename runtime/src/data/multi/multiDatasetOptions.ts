import { z } from 'zod';
import { didYouMean, UsageError } from '../../errors.ts';
import { isDataset, type Dataset } from '../dataset.ts';
import { temperatureWeights } from '../order/weights.ts';
import { parseOptions } from '../parseOptions.ts';
import type { TransformLike } from '../transforms/transform.ts';
import { checkModalityDropout } from './modalityDropout.ts';

const datasets = z.record(
  z.string(),
  z.custom<Dataset>(
    isDataset,
    'expected a dataset: class_path and init_args, or an object with length and get(index)',
  ),
);

const transform = z.custom<TransformLike>(
  (value) =>
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && 'apply' in value),
  'expected a transform: class_path and init_args, or a function (sample, rng) => sample',
);

export const multiDatasetSchema = z.strictObject({
  datasets: datasets.describe('Training datasets by name'),
  valDatasets: datasets.default({}).describe('Validation datasets by name; metrics carry the name'),
  testDatasets: datasets.default({}).describe('Test datasets by name'),
  valFraction: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      'Share of each training dataset set aside for validation, unless val_datasets names it',
    ),
  datasetWeights: z
    .union([z.array(z.number()), z.record(z.string(), z.number())])
    .nullable()
    .default(null)
    .describe('Share of samples by dataset, a list in declared order or by name; null = uniform'),
  temperature: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe(
      'Weights from the sizes, n^(1/T): 1 = by size, large = uniform. Instead of dataset_weights',
    ),
  modalityDropout: z
    .record(z.string(), z.number())
    .default({})
    .describe('Probability of dropping a field of a training sample, by field; 0 = required'),
  contextLength: z.int().default(1).describe('Frames of context; only 1 for now'),
  arSteps: z.int().default(0).describe('Autoregressive steps; only 0 for now'),
  resolution: z
    .tuple([z.int(), z.int()])
    .nullable()
    .default(null)
    .describe('[height, width] to resize to; only null (as stored) for now'),
  batchSize: z.int().min(1).default(64).describe('Samples a batch'),
  numWorkers: z
    .union([z.int().min(0), z.literal('auto')])
    .default(0)
    .describe('Threads that make batches ahead; auto: as many as it takes, if any'),
  prefetch: z.int().min(1).default(2).describe('Batches each thread makes ahead'),
  seed: z.int().default(42).describe('Decides order, splits, random transforms and dropout'),
  pinMemory: z
    .boolean()
    .default(false)
    .describe('Accepted and without effect: there is no device memory to pin pages for'),
  enableCache: z.boolean().default(false).describe('Disk cache; only false for now'),
  stop: z
    .enum(['first_exhausted', 'all_exhausted'])
    .default('first_exhausted')
    .describe('An epoch ends when the first dataset, or the last, was seen completely'),
  epochSize: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Samples an epoch, whatever the datasets hold; null: by the stop rule'),
  dropLast: z.boolean().default(false).describe('Leave out an incomplete last training batch'),
  transform: transform.nullable().default(null).describe('Transform of training samples'),
  evalTransform: transform
    .nullable()
    .default(null)
    .describe('Transform of validation and test samples; must not be random'),
});

export type MultiDatasetInput = z.input<typeof multiDatasetSchema>;
export type MultiDatasetOptions = z.output<typeof multiDatasetSchema>;

/** Options with defaults; refuses what has no meaning together or is not supported yet. */
export function multiDatasetOptions(input: MultiDatasetInput): MultiDatasetOptions {
  if (Array.isArray(input.datasets)) {
    throw new UsageError(
      'ERR_DATA_OPTIONS',
      `MultiDatasetModule: datasets is a list (${input.datasets.map(String).join(', ')}); expected a map from names to datasets, each with class_path and init_args.`,
    );
  }
  const options = parseOptions(multiDatasetSchema, input, 'MultiDatasetModule');
  if (Object.keys(options.datasets).length === 0) {
    throw new UsageError(
      'ERR_DATA_EMPTY',
      'MultiDatasetModule: datasets is empty. Name at least one.',
    );
  }
  for (const [name, dataset] of Object.entries({
    ...options.testDatasets,
    ...options.valDatasets,
    ...options.datasets,
  })) {
    if (dataset.length === 0) {
      throw new UsageError('ERR_DATA_EMPTY', `Dataset "${name}" is empty: it has no sample.`);
    }
  }
  refuseUnsupported(options);
  checkModalityDropout(options.modalityDropout);
  if (options.temperature !== null && options.datasetWeights !== null) {
    throw new UsageError(
      'ERR_DATA_WEIGHTS',
      'MultiDatasetModule: give dataset_weights or temperature, not both.',
    );
  }
  return options;
}

/** One weight a dataset, in declared order. */
export function mixtureWeights(options: MultiDatasetOptions, sizes: readonly number[]): number[] {
  const names = Object.keys(options.datasets);
  if (options.temperature !== null) return temperatureWeights(sizes, options.temperature);
  const weights = options.datasetWeights;
  if (weights === null) return names.map(() => 1);
  if (Array.isArray(weights)) return weights;
  for (const name of Object.keys(weights)) {
    if (!names.includes(name)) {
      throw new UsageError(
        'ERR_DATA_WEIGHTS',
        `dataset_weights names "${name}", but the datasets are ${names.join(', ')}.${didYouMean(name, names)}`,
      );
    }
  }
  return names.map((name) => {
    if (weights[name] === undefined) {
      throw new UsageError(
        'ERR_DATA_WEIGHTS',
        `dataset_weights gives no weight for "${name}". Name every dataset; 0 leaves one out.`,
      );
    }
    return weights[name];
  });
}

function refuseUnsupported(options: MultiDatasetOptions): void {
  const { contextLength, arSteps, resolution, enableCache } = options;
  const refuse = (key: string, value: unknown, only: string): never => {
    throw new UsageError(
      'ERR_DATA_UNSUPPORTED',
      `MultiDatasetModule: ${key}: ${JSON.stringify(value)} is not supported yet; ${only}.`,
    );
  };
  if (contextLength !== 1) refuse('context_length', contextLength, 'use 1 (single samples)');
  if (arSteps !== 0) refuse('ar_steps', arSteps, 'use 0 (no autoregressive targets)');
  if (resolution !== null) {
    refuse('resolution', resolution, 'use null and store images in the size you train on');
  }
  if (enableCache) refuse('enable_cache', true, 'use false');
}
