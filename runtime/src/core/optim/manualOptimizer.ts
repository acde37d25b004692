import type * as tf from '@tensorflow/tfjs-core';

/** One optimizer in the hands of a module with `automaticOptimization = false`. */
export interface ManualOptimizer {
  /** Of its round; `default` for a single one. */
  readonly name: string;
  /** Learning rate that the coming `step` uses, of the first parameter group. */
  readonly lr: number;
  /**
   * Computes the gradients of a loss for this optimizer's parameters. Several calls before a `step`
   * add up within a batch, and are averaged by sample counts over batches.
   * @param loss makes the loss, a scalar tensor, from the parameters
   * @returns the loss, to log or return
   * With `on_nan: skip` gradients of a NaN or infinite loss are forgotten.
   * @throws UsageError ERR_LOSS_NOT_FINITE for NaN or infinity (with terminate_on_nan)
   */
  backward(loss: () => tf.Scalar): tf.Scalar;
  /**
   * Clips, sets the scheduled learning rate and updates the parameters.
   * @returns false inside a group of accumulate_grad_batches, which waits for its last batch, and
   *   where `on_nan: skip` left all gradients out
   * @throws UsageError ERR_MANUAL_STEP without gradients
   */
  step(): boolean;
  /** Forgets gradients that were not used by a `step`; nothing needs it before `backward`. */
  zeroGrad(): void;
}
