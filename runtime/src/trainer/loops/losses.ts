import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../errors.ts';
import type { Run } from '../run.ts';

/** @throws UsageError ERR_STEP_LOSS for anything but a tensor with one value */
export function checkedLoss(loss: unknown, module: object): tf.Scalar {
  if (loss instanceof tf.Tensor && loss.size === 1) {
    return (loss.rank === 0 ? loss : tf.reshape(loss, [])) as tf.Scalar;
  }
  const owner = module.constructor.name;
  const got =
    loss instanceof tf.Tensor
      ? `a tensor of shape [${(loss as tf.Tensor).shape.join(', ')}]; reduce it, for example with .mean()`
      : loss instanceof Promise
        ? 'a promise; steps are synchronous, remove async'
        : loss === undefined
          ? 'nothing; return the loss'
          : typeof loss;
  throw new UsageError(
    'ERR_STEP_LOSS',
    `${owner}.trainingStep: expected the loss as a scalar tensor, got ${got}.`,
  );
}

/** @throws UsageError ERR_LOSS_NOT_FINITE for NaN and infinity, with terminate_on_nan */
export function requireFinite(run: Run, loss: number, index: number): void {
  if (Number.isFinite(loss) || !run.options.terminateOnNan) return;
  throw notFinite(run, `loss is ${String(loss)}`, index);
}

/** @param problem what is wrong: `loss is NaN` */
export function notFinite(run: Run, problem: string, index: number): UsageError {
  const best = run.lastCheckpoint;
  const last = best === null ? 'No checkpoint was saved yet.' : `Last good checkpoint: ${best}.`;
  return new UsageError(
    'ERR_LOSS_NOT_FINITE',
    `The training ${problem} at update ${String(run.globalStep + 1)} ` +
      `(epoch ${String(run.currentEpoch)}, batch ${String(index)}). ${last} ` +
      'Lower the learning rate, set gradient_clip_val, or look for bad values in the data; ' +
      'on_nan: dump keeps the step for a closer look, on_nan: skip leaves such batches out, ' +
      'terminate_on_nan: false trains on regardless.',
  );
}
