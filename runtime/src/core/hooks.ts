import type { Batch } from './batch.ts';
import type { JsonObject } from './json.ts';
import type { RunKind } from './stage.ts';

/** What each hook gets beside the context. Callbacks run in order given, then the module. */
export interface HookArguments {
  setup: [kind: RunKind];
  onFitStart: [];
  onSanityCheckStart: [];
  onSanityCheckEnd: [];
  onTrainStart: [];
  onTrainEpochStart: [];
  onTrainBatchStart: [batch: Batch, batchIdx: number];
  /** Once for each optimizer; `round` is its name, `default` where there is one. */
  onAfterBackward: [round: string];
  /** Gradients of this optimizer are final: accumulated, not yet clipped. */
  onBeforeOptimizerStep: [round: string];
  /** `loss` is the value of this batch, never divided for accumulation; of the last round, if several. */
  onTrainBatchEnd: [loss: number, batch: Batch, batchIdx: number];
  onTrainEpochEnd: [];
  onTrainEnd: [];
  onFitEnd: [];
  onValidationStart: [];
  onValidationEpochStart: [];
  onValidationBatchStart: [batch: Batch, batchIdx: number, loader: string];
  /** `outputs` is what `validationStep` returned; its tensors are gone after the hook. */
  onValidationBatchEnd: [outputs: unknown, batch: Batch, batchIdx: number, loader: string];
  onValidationEpochEnd: [];
  onValidationEnd: [];
  onTestStart: [];
  onTestEpochStart: [];
  onTestBatchStart: [batch: Batch, batchIdx: number, loader: string];
  onTestBatchEnd: [outputs: unknown, batch: Batch, batchIdx: number, loader: string];
  onTestEpochEnd: [];
  onTestEnd: [];
  onPredictStart: [];
  onPredictEpochStart: [];
  onPredictBatchStart: [batch: Batch, batchIdx: number, loader: string];
  onPredictBatchEnd: [outputs: unknown, batch: Batch, batchIdx: number, loader: string];
  onPredictEpochEnd: [];
  onPredictEnd: [];
  /** `state` is a copy of what is saved; hooks may add plain data under a key of theirs. */
  onSaveCheckpoint: [state: JsonObject];
  onLoadCheckpoint: [state: JsonObject];
  onException: [error: unknown];
  teardown: [kind: RunKind];
}

export type HookName = keyof HookArguments;

/** Every hook, in the order in which a run calls them. */
export const hookNames: readonly HookName[] = [
  'setup',
  'onFitStart',
  'onLoadCheckpoint',
  'onSanityCheckStart',
  'onSanityCheckEnd',
  'onTrainStart',
  'onTrainEpochStart',
  'onTrainBatchStart',
  'onAfterBackward',
  'onBeforeOptimizerStep',
  'onTrainBatchEnd',
  'onValidationStart',
  'onValidationEpochStart',
  'onValidationBatchStart',
  'onValidationBatchEnd',
  'onValidationEpochEnd',
  'onValidationEnd',
  'onTrainEpochEnd',
  'onSaveCheckpoint',
  'onTrainEnd',
  'onFitEnd',
  'onTestStart',
  'onTestEpochStart',
  'onTestBatchStart',
  'onTestBatchEnd',
  'onTestEpochEnd',
  'onTestEnd',
  'onPredictStart',
  'onPredictEpochStart',
  'onPredictBatchStart',
  'onPredictBatchEnd',
  'onPredictEpochEnd',
  'onPredictEnd',
  'onException',
  'teardown',
];
