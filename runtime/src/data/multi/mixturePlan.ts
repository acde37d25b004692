import { shareOf } from '../order/mixPlan.ts';
import type { SampleOrder } from '../order/sampleOrder.ts';

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

/** Weights that hold from a sample on, and what an epoch with them takes from each dataset. */
export interface PlannedStage {
  readonly fromSample: number;
  readonly datasets: readonly PlannedDataset[];
}

/** The stages of an order; of iid mixing the numbers are expected ones. */
export function planStages(order: SampleOrder): PlannedStage[] {
  const { stages, length } = order;
  return stages.map(({ start, weights }) => ({
    fromSample: start,
    datasets: order.datasets.map(({ name, size }, index) => {
      const samplesPerEpoch =
        stages.length === 1
          ? order.count(index, length)
          : Math.round(shareOf(weights[index]) * length);
      return {
        name,
        samples: size,
        weight: shareOf(weights[index]),
        samplesPerEpoch,
        passesPerEpoch: samplesPerEpoch / size,
      };
    }),
  }));
}

/** The stages as lines of a table; a single one needs no heading. */
export function stageLines(stages: readonly PlannedStage[], epochSamples: number): string[] {
  return stages.flatMap(({ fromSample, datasets }) => [
    ...(stages.length === 1 ? [] : [stageTitle(fromSample, epochSamples)]),
    ...datasetLines(datasets),
  ]);
}

function stageTitle(fromSample: number, epochSamples: number): string {
  if (fromSample === 0) return ' from the start:';
  const epoch = fromSample / epochSamples;
  const place = Number.isInteger(epoch) ? `epoch ${epoch}` : `epoch ${epoch.toFixed(2)}`;
  return ` from ${place} (sample ${fromSample.toLocaleString('en-US')}):`;
}

function datasetLines(datasets: readonly PlannedDataset[]): string[] {
  const width = Math.max(...datasets.map(({ name }) => name.length));
  const count = (value: number): string => value.toLocaleString('en-US').padStart(11);
  return datasets.map(
    ({ name, samples, weight, samplesPerEpoch, passesPerEpoch }) =>
      `  ${name.padEnd(width)} ${count(samples)} samples, ${(100 * weight).toFixed(2).padStart(6)} %: ${count(samplesPerEpoch)} an epoch = ${passesPerEpoch.toFixed(2)} passes`,
  );
}
