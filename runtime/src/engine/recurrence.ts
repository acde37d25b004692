import * as tf from '@tensorflow/tfjs-core';
import type { RecurrenceAttrs } from './lowerings/recurrent.ts';
import { isOrt } from './storage.ts';

/** The weights and start of a recurrent network. */
interface RecurrenceInputs {
  /** [batch, time, features] */
  readonly x: tf.Tensor;
  /** [features, gates * units] */
  readonly kernel: tf.Tensor;
  /** [units, gates * units] */
  readonly recurrent: tf.Tensor;
  /** [gates * units]; default none. */
  readonly bias?: tf.Tensor;
  /** [batch, units] each: hidden state and, for an LSTM, cell state; default zeros. */
  readonly states?: readonly tf.Tensor[];
}

interface RecurrenceOptions {
  readonly cell: RecurrenceAttrs['cell'];
  /** Whether to go through the time from its end; default false. */
  readonly goBackwards?: boolean;
  /** Whether the output of every step is wanted, or only the last one; default false. */
  readonly returnSequences?: boolean;
  /** Whether the last states are wanted too; default false. */
  readonly returnState?: boolean;
}

/** Whether `recurrence` can be used: on `ort`, with something to compute. */
export function canFuseRecurrence(x: tf.Tensor): boolean {
  return isOrt() && x.size > 0;
}

/**
 * A recurrent network as one operation on `ort`, with its own gradient (first order only).
 *
 * @returns the output, [batch, time, units] in the order of the steps or [batch, units]; with
 * `returnState` followed by the last states, [batch, units] each
 */
export function recurrence(
  { x, kernel, recurrent, bias, states = [] }: RecurrenceInputs,
  options: RecurrenceOptions,
): tf.Tensor[] {
  const { cell, returnSequences = false, returnState = false } = options;
  const attrs: RecurrenceAttrs = {
    cell,
    reverse: options.goBackwards ?? false,
    sequence: returnSequences,
    withCell: returnState && cell === 'lstm',
    training: tf.engine().isTapeOn(),
  };
  const [h, c] = states;
  const value = run(attrs, { x, kernel, recurrent, bias, h, c });
  if (!returnState) return [value];
  if (!returnSequences && !attrs.withCell) return [value, value];
  const [batch, rows, units] = value.shape;
  const step = (row: number) =>
    tf.reshape(tf.slice(value, [0, row, 0], [batch, 1, units]), [batch, units]);
  const time = rows - Number(attrs.withCell);
  const output = returnSequences ? tf.slice(value, [0, 0, 0], [batch, time, units]) : step(0);
  const hidden = returnSequences ? step(time - 1) : output;
  return attrs.withCell ? [output, hidden, step(rows - 1)] : [output, hidden];
}

type Named = Record<string, tf.Tensor | undefined>;

/** tfjs differentiates functions of lists of tensors: absent inputs are left out of the list. */
function run(attrs: RecurrenceAttrs, inputs: Named): tf.Tensor {
  const given = Object.entries(inputs).filter(isPresent);
  const named = (tensors: readonly tf.Tensor[]): Named =>
    Object.fromEntries(given.map(([name], index) => [name, tensors[index]]));
  const op = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const tensors = args as tf.Tensor[];
    save(tensors);
    const value = kernel('Recurrence', named(tensors), attrs) as tf.Tensor;
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const gradients = kernel(
        'RecurrenceGrad',
        { ...named(saved), dy },
        { ...attrs, training: true },
      );
      return gradients as tf.Tensor[];
    };
    return { value, gradFunc };
  });
  return op(...given.map(([, tensor]) => tensor));
}

function isPresent(entry: [string, tf.Tensor | undefined]): entry is [string, tf.Tensor] {
  return entry[1] !== undefined;
}

function kernel(name: string, inputs: Named, attrs: RecurrenceAttrs): tf.Tensor | tf.Tensor[] {
  return tf
    .engine()
    .runKernel(name, inputs as tf.NamedTensorMap, attrs as unknown as tf.NamedAttrMap);
}
