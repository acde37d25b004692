// The Node build of tfjs-core has no gradients; the one of tfjs-layers registers them.
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { messageOf, UsageError } from '../errors.ts';
import type { ParameterArena } from './arena/parameterArena.ts';
import { materialize, type MaterializeRequest } from './storage.ts';

/**
 * Runs `lossFn` and writes the gradients of its result into `arena.grads`: zeros for parameters
 * that the loss does not use.
 *
 * @returns the loss, evaluated and kept: the caller disposes it
 * @throws UsageError ERR_LOSS_NOT_SCALAR, ERR_LOSS_DTYPE, or ERR_LOSS_UNCONNECTED when the loss
 * depends on none of the arena's parameters
 */
export function computeGradients(lossFn: () => tf.Scalar, arena: ParameterArena): tf.Scalar {
  return tf.tidy(() => {
    let failure: Error | undefined;
    // What the tape saved is freed only when the function returns, so errors wait until then.
    const guarded = (): tf.Tensor => {
      try {
        return checkedLoss(lossFn());
      } catch (error) {
        failure = error instanceof Error ? error : new Error(messageOf(error), { cause: error });
        return tf.scalar(0);
      }
    };
    const { value, grads } = tf.engine().gradients(guarded, [...arena.variables], undefined, true);
    if (failure !== undefined) throw failure;
    // Typed as never missing, but with `allowNoGradients` an unused variable has none.
    const found: readonly (tf.Tensor | undefined)[] = grads;
    if (found.every((gradient) => gradient === undefined)) throw unconnected(arena);
    const requests: MaterializeRequest[] = [];
    arena.segments.forEach((segment, index) => {
      const tensor = found[index];
      const into = arena.part(arena.grads, segment);
      if (tensor === undefined) into.fill(0);
      else requests.push({ tensor, into });
    });
    materialize(requests);
    return tf.keep(value as tf.Scalar);
  });
}

function checkedLoss(loss: unknown): tf.Scalar {
  const fail = (got: string): never => {
    throw new UsageError(
      'ERR_LOSS_NOT_SCALAR',
      `trainingStep: expected the loss as a scalar tensor, got ${got}. Reduce it, for example ` +
        'with tf.mean(loss), and return it without reading it.',
    );
  };
  if (!isTensor(loss)) return fail(loss === undefined ? 'nothing' : typeof loss);
  if (loss.rank !== 0) return fail(`a tensor of shape [${loss.shape.join(', ')}]`);
  if (loss.dtype !== 'float32') {
    throw new UsageError(
      'ERR_LOSS_DTYPE',
      `trainingStep: expected a float32 loss, got ${loss.dtype}, which has no gradient.`,
    );
  }
  return loss as tf.Scalar;
}

function isTensor(value: unknown): value is tf.Tensor {
  return value instanceof tf.Tensor;
}

function unconnected(arena: ParameterArena): UsageError {
  const names = arena.segments.slice(0, 3).map(({ name }) => name);
  const more = arena.segments.length > 3 ? `, ... (${String(arena.segments.length)} in all)` : '';
  return new UsageError(
    'ERR_LOSS_UNCONNECTED',
    `trainingStep: the loss depends on none of the trainable parameters ${names.join(', ')}${more}. ` +
      'It must be computed from them by tensor operations, without dataSync() or new tensors in between.',
  );
}
