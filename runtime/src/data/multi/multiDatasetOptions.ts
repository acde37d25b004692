import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import { isDataset, type Dataset } from '../dataset.ts';
import { faultLimitsSchema, faultPolicySchema } from '../loader/faultPolicy.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Collate } from '../loader/collate.ts';
import { Compose, type TransformLike } from '../transforms/transform.ts';
import { datasetWeightsSchema, refuseNaN } from './mixtureWeights.ts';
import { checkModalityDropout } from './modalityDropout.ts';

const datasets = z.record(
  z.string(),
  z.custom<Dataset>(
    isDataset,
    'expected a dataset: class_path and init_args, or an object with length and get(index)',
  ),
);

const oneTransform = z.custom<TransformLike>(
  (value) =>
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && 'apply' in value),
  'expected a transform: class_path and init_args, or a function (sample, rng) => sample',
);

/** A list is applied from first to last. */
const transform = z.union([
  oneTransform,
  z
    .array(oneTransform)
    .min(1)
    .transform((steps): TransformLike => new Compose(steps)),
]);

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
  datasetWeights: datasetWeightsSchema
    .nullable()
    .default(null)
    .describe(
      'Share of samples by dataset: a list in declared order, by name, or a list of stages {from_epoch or from_sample, weights}; null = uniform',
    ),
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
  mixing: z
    .enum(['exact', 'iid'])
    .default('exact')
    .describe('exact: exact shares, no repetition within a pass; iid: every sample independently'),
  contextLength: z
    .int()
    .min(1)
    .default(1)
    .describe('Frames of context a sample, from one episode; 1 with ar_steps 0: no windows'),
  arSteps: z.int().min(0).default(0).describe('Frames after the context, as fields <field>_target'),
  windowStride: z.int().min(1).default(1).describe('Frames between the beginnings of two windows'),
  resolution: z
    .tuple([z.int().min(1), z.int().min(1)])
    .nullable()
    .default(null)
    .describe('[height, width] that images are resized to before the transform; null = as stored'),
  imageFields: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe('Fields that resolution resizes; null = all of 3 axes with 1 to 4 channels'),
  batchSize: z.int().min(1).default(64).describe('Samples a batch'),
  numWorkers: z
    .union([z.int().min(0), z.literal('auto')])
    .default(0)
    .describe('Threads that make batches ahead; auto: as many as it takes, if any'),
  rank: z.int().min(0).default(0).describe('Which of the ranks this process is, from 0'),
  ranks: z
    .int()
    .min(1)
    .default(1)
    .describe('Processes that share each training batch; batch_size counts all of their samples'),
  prefetch: z.int().min(1).default(2).describe('Batches each thread makes ahead'),
  faults: faultPolicySchema
    .default('raise')
    .describe(
      'What becomes of samples that cannot be read: raise ends the run, substitute puts others in their place, mask zeros and a field valid',
    ),
  faultLimits: faultLimitsSchema
    .default({ perEpoch: 100, consecutive: 10, total: 1000 })
    .describe('Unreadable samples that are put up with before the run ends'),
  bucketBatches: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Training samples of so many batches are sorted by length together; 0: batches of any lengths',
    ),
  collate: z
    .custom<Collate>((value) => typeof value === 'function', 'expected a function of samples')
    .nullable()
    .default(null)
    .describe('Makes a batch of samples, such as padCollate; null: fields are stacked'),
  seed: z.int().default(42).describe('Decides order, splits, random transforms and dropout'),
  pinMemory: z
    .boolean()
    .default(false)
    .describe('Accepted and without effect: there is no device memory to pin pages for'),
  enableCache: z
    .boolean()
    .default(false)
    .describe(
      'Keep samples on disk, with the transforms before the first random one, and read them from there',
    ),
  stop: z
    .enum(['first_exhausted', 'all_exhausted', 'all_exhausted_without_replacement'])
    .default('first_exhausted')
    .describe(
      'An epoch ends when the first dataset, or the last, was seen completely; without replacement no sample repeats in an epoch',
    ),
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
  refuseNaN(input.datasetWeights, Object.keys(input.datasets ?? {}));
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
  checkModalityDropout(options.modalityDropout);
  if (options.temperature !== null && options.datasetWeights !== null) {
    throw new UsageError(
      'ERR_DATA_WEIGHTS',
      'MultiDatasetModule: give dataset_weights or temperature, not both.',
    );
  }
  return options;
}
