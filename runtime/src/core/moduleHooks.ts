import type { HookArguments } from './hooks.ts';

type Result = void | Promise<void>;

/**
 * Hooks as optional methods of a module. Written out, since TypeScript counts the members of a
 * mapped type as properties, which methods of a subclass may not override.
 */
export interface ModuleHooks {
  setup?(...args: HookArguments['setup']): Result;
  onFitStart?(...args: HookArguments['onFitStart']): Result;
  onSanityCheckStart?(...args: HookArguments['onSanityCheckStart']): Result;
  onSanityCheckEnd?(...args: HookArguments['onSanityCheckEnd']): Result;
  onTrainStart?(...args: HookArguments['onTrainStart']): Result;
  onTrainEpochStart?(...args: HookArguments['onTrainEpochStart']): Result;
  onTrainBatchStart?(...args: HookArguments['onTrainBatchStart']): Result;
  onAfterBackward?(...args: HookArguments['onAfterBackward']): Result;
  onBeforeOptimizerStep?(...args: HookArguments['onBeforeOptimizerStep']): Result;
  onTrainBatchEnd?(...args: HookArguments['onTrainBatchEnd']): Result;
  onTrainEpochEnd?(...args: HookArguments['onTrainEpochEnd']): Result;
  onTrainEnd?(...args: HookArguments['onTrainEnd']): Result;
  onFitEnd?(...args: HookArguments['onFitEnd']): Result;
  onValidationStart?(...args: HookArguments['onValidationStart']): Result;
  onValidationEpochStart?(...args: HookArguments['onValidationEpochStart']): Result;
  onValidationBatchStart?(...args: HookArguments['onValidationBatchStart']): Result;
  onValidationBatchEnd?(...args: HookArguments['onValidationBatchEnd']): Result;
  onValidationEpochEnd?(...args: HookArguments['onValidationEpochEnd']): Result;
  onValidationEnd?(...args: HookArguments['onValidationEnd']): Result;
  onTestStart?(...args: HookArguments['onTestStart']): Result;
  onTestEpochStart?(...args: HookArguments['onTestEpochStart']): Result;
  onTestBatchStart?(...args: HookArguments['onTestBatchStart']): Result;
  onTestBatchEnd?(...args: HookArguments['onTestBatchEnd']): Result;
  onTestEpochEnd?(...args: HookArguments['onTestEpochEnd']): Result;
  onTestEnd?(...args: HookArguments['onTestEnd']): Result;
  onPredictStart?(...args: HookArguments['onPredictStart']): Result;
  onPredictEpochStart?(...args: HookArguments['onPredictEpochStart']): Result;
  onPredictBatchStart?(...args: HookArguments['onPredictBatchStart']): Result;
  onPredictBatchEnd?(...args: HookArguments['onPredictBatchEnd']): Result;
  onPredictEpochEnd?(...args: HookArguments['onPredictEpochEnd']): Result;
  onPredictEnd?(...args: HookArguments['onPredictEnd']): Result;
  onSaveCheckpoint?(...args: HookArguments['onSaveCheckpoint']): Result;
  onLoadCheckpoint?(...args: HookArguments['onLoadCheckpoint']): Result;
  onException?(...args: HookArguments['onException']): Result;
  teardown?(...args: HookArguments['teardown']): Result;
}
