import { UsageError } from '../errors.ts';

/** Hooks of Lightning that nothing here calls, and what does their work. */
const instead: Readonly<Record<string, string>> = {
  onBeforeBackward:
    'loss and gradients are computed in one go; look at the loss in trainingStep, at gradients in onAfterBackward',
  onBeforeZeroGrad:
    'gradients are never carried over; onBeforeOptimizerStep comes before each step',
  configureGradientClipping:
    'write clip in a round or parameter group of configureOptimizers, or gradientClipVal',
  optimizerStep: 'steps are taken by the trainer; with automaticOptimization = false by you',
  optimizerZeroGrad: 'gradients are never carried over',
  lrSchedulerStep:
    'schedules are functions of the update; write one with factor(position, total, lr)',
  configureCallbacks: 'pass callbacks to the trainer or name them in the configuration',
  configureModel:
    'make the layers in the constructor; those without shapes are built from exampleInput()',
  configureSharding: 'a run uses one device',
  transferBatchToDevice: 'batches become tensors of the back end by themselves',
  onBeforeBatchTransfer: 'change samples in the transforms of the data',
  onAfterBatchTransfer: 'change samples in the transforms of the data',
  onValidationModelEval: 'validation runs in evaluation by itself',
  onValidationModelTrain: 'training goes on in training mode by itself',
  onTrainingEpochEnd: 'write onTrainEpochEnd',
  trainingEpochEnd: 'write onTrainEpochEnd',
  validationEpochEnd: 'write onValidationEpochEnd',
  testEpochEnd: 'write onTestEpochEnd',
  onInit: 'write setup',
  onEpochStart: 'write onTrainEpochStart',
  onEpochEnd: 'write onTrainEpochEnd',
  onBatchStart: 'write onTrainBatchStart',
  onBatchEnd: 'write onTrainBatchEnd',
  onPretrainRoutineStart: 'write onFitStart',
  onPretrainRoutineEnd: 'write onFitStart',
};

/**
 * Refuses hooks that would never be called, rather than passing them over.
 * @throws UsageError ERR_HOOK_UNKNOWN
 */
export function refuseForeignHooks(owner: object): void {
  for (const [hook, advice] of Object.entries(instead)) {
    if (typeof (owner as Record<string, unknown>)[hook] !== 'function') continue;
    throw new UsageError(
      'ERR_HOOK_UNKNOWN',
      `${owner.constructor.name}.${hook}() would never be called: ${advice}.`,
    );
  }
}
