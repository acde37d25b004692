import { z } from 'zod';
import { didYouMean, UsageError } from '../../errors.ts';
import type { WeightStage } from '../order/mixSchedule.ts';
import { temperatureWeights } from '../order/weights.ts';

const byDataset = z.union([z.array(z.number()), z.record(z.string(), z.number())]);

const stage = z.strictObject({
  fromEpoch: z.int().min(0).optional().describe('Epochs before these weights'),
  fromSample: z.int().min(0).optional().describe('Samples before these weights'),
  weights: byDataset.describe('Share of samples by dataset'),
});

export const datasetWeightsSchema = z.union([
  z.array(z.union([z.number(), stage])),
  z.record(z.string(), z.number()),
]);

type WeightsByDataset = z.infer<typeof byDataset>;
export type DatasetWeights = z.infer<typeof datasetWeightsSchema>;

/** Weights of a mixture as an order takes them. */
export interface MixtureWeights {
  readonly weights?: number[];
  readonly schedule?: WeightStage[];
}

/**
 * Weights in declared order, or stages of them when `datasetWeights` lists objects.
 * @throws UsageError (ERR_DATA_WEIGHTS) naming the dataset that is unknown or has no weight
 */
export function mixtureWeights(
  datasetWeights: DatasetWeights | null,
  temperature: number | null,
  sizes: Readonly<Record<string, number>>,
): MixtureWeights {
  const names = Object.keys(sizes);
  if (temperature !== null) {
    return { weights: temperatureWeights(Object.values(sizes), temperature) };
  }
  if (datasetWeights === null) return { weights: names.map(() => 1) };
  if (!Array.isArray(datasetWeights)) return { weights: inOrder(datasetWeights, names) };
  const numbers = datasetWeights.filter((item) => typeof item === 'number');
  if (numbers.length === datasetWeights.length) return { weights: numbers };
  const stages = datasetWeights.filter((item) => typeof item !== 'number');
  if (numbers.length > 0) {
    throw new UsageError(
      'ERR_DATA_WEIGHTS',
      `dataset_weights lists numbers and stages. Give one number a dataset (${names.join(', ')}), or only stages: {from_epoch, weights}.`,
    );
  }
  return { schedule: stages.map((one) => ({ ...one, weights: inOrder(one.weights, names) })) };
}

/**
 * Names the dataset whose weight is not a number, which the schema could only call invalid.
 * @throws UsageError (ERR_DATA_WEIGHTS)
 */
export function refuseNaN(weights: unknown, names: readonly string[]): void {
  if (typeof weights !== 'object' || weights === null) return;
  for (const [key, value] of Object.entries(weights) as [string, unknown][]) {
    if (Number.isNaN(value)) {
      const name = Array.isArray(weights) ? (names[Number(key)] ?? key) : key;
      throw new UsageError(
        'ERR_DATA_WEIGHTS',
        `The weight of dataset "${name}" must be a number >= 0, got NaN.`,
      );
    }
    if (typeof value === 'object' && value !== null && 'weights' in value) {
      refuseNaN(value.weights, names);
    }
  }
}

function inOrder(weights: WeightsByDataset, names: readonly string[]): number[] {
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
