import { UsageError } from '../../errors.ts';
import { Mixing } from './mixing.ts';
import { MixPlan, type MixStretch } from './mixPlan.ts';
import { epochLength, type StopRule } from './stopRule.ts';
import { integerWeights } from './weights.ts';

/** Weights that hold from an epoch or a sample on, until those of the next stage do. */
export interface WeightStage {
  /** Epochs before this stage; every epoch has as many samples as the first. */
  readonly fromEpoch?: number | undefined;
  /** Samples before this stage, instead of `fromEpoch`. */
  readonly fromSample?: number | undefined;
  /** One weight >= 0 a dataset. */
  readonly weights: readonly number[];
}

export interface MixOptions {
  readonly weights?: readonly number[];
  readonly schedule?: readonly WeightStage[] | undefined;
}

/**
 * The mixing of datasets and the samples of an epoch. With a schedule, the stop rule is applied to
 * the weights of the first stage and all epochs are of that length.
 * @throws UsageError for unusable weights and for stages that do not follow each other
 */
export function planMix(
  datasets: readonly { readonly name: string; readonly size: number }[],
  options: MixOptions,
  stop: StopRule,
): { plan: MixPlan; length: number } {
  const names = datasets.map(({ name }) => name);
  const sizes = datasets.map(({ size }) => size);
  const stages = options.schedule ?? [{ weights: options.weights ?? names.map(() => 1) }];
  if (stages.length === 0)
    throw scheduleError('it has no stage. Give one, or a single weight each');
  const weights = stages.map((stage) => integerWeights(stage.weights, names));
  const length = epochLength(new Mixing(weights[0]), sizes, stop);
  if (stop === 'all_exhausted_without_replacement') {
    if (stages.length > 1) {
      throw scheduleError(
        'stop: all_exhausted_without_replacement takes every sample once an epoch, whatever the weights. Use another stop rule, or one weight a dataset',
      );
    }
    return { plan: MixPlan.withoutReplacement(weights[0], sizes), length };
  }
  const starts = stages.map((stage, index) => stageStart(stage, index, length));
  starts.forEach((start, index) => {
    if (index === 0 ? start === 0 : start > starts[index - 1]) return;
    throw scheduleError(
      index === 0
        ? `its first stage begins at sample ${start}; it must begin at 0`
        : `stage ${index} begins at sample ${start}, not after stage ${index - 1} (sample ${starts[index - 1]}). An epoch has ${length} samples`,
    );
  });
  const stretches: MixStretch[] = starts.map((start, index) => ({
    start,
    weights: weights[index],
  }));
  return { plan: MixPlan.scheduled(stretches), length };
}

function stageStart({ fromEpoch, fromSample }: WeightStage, index: number, length: number): number {
  if (fromEpoch !== undefined && fromSample !== undefined) {
    throw scheduleError(`stage ${index} has from_epoch and from_sample. Give one of them`);
  }
  const from = fromEpoch ?? fromSample ?? (index === 0 ? 0 : undefined);
  if (from === undefined) {
    throw scheduleError(
      `stage ${index} does not say when it begins. Give from_epoch or from_sample`,
    );
  }
  if (!Number.isSafeInteger(from) || from < 0) {
    throw scheduleError(`stage ${index} begins at ${from}; expected a whole number, 0 or more`);
  }
  return fromEpoch === undefined ? from : from * length;
}

function scheduleError(problem: string): UsageError {
  return new UsageError('ERR_DATA_WEIGHTS', `The schedule of dataset weights: ${problem}.`);
}
