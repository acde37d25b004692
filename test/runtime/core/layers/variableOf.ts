import * as tf from '../../../../runtime/src/engine/tf.ts';

/** A layer's weight reads as its variable, though its type says tensor only. */
export function variableOf(weight: tf.LayerVariable): tf.Variable {
  const value: unknown = weight.read();
  if (value instanceof tf.Variable) return value as tf.Variable;
  throw new Error('expected the weight of a layer to be a variable');
}
