import { gelu, layerNorm } from 'lightbox-runtime';
import * as tf from 'lightbox-runtime/tf';

/** Weights of a normalisation over the last axis. */
export interface Norm {
  readonly scale: tf.Variable;
  readonly shift: tf.Variable;
}

/** Weights of a dense layer. */
export interface Dense {
  readonly kernel: tf.Variable;
  readonly bias: tf.Variable;
}

/** Weights of one block: attention, then a feed-forward layer, each after a normalisation. */
export interface Block {
  readonly attentionNorm: Norm;
  readonly queryKeyValue: Dense;
  readonly mixed: Dense;
  readonly forwardNorm: Norm;
  readonly widened: Dense;
  readonly narrowed: Dense;
}

/** What a block needs to know beside its weights. */
export interface BlockOptions {
  readonly heads: number;
  /** Part of a block's outputs that is dropped; 0 outside training. */
  readonly dropout: number;
}

export function newNorm(width: number): Norm {
  return { scale: tf.variable(tf.ones([width])), shift: tf.variable(tf.zeros([width])) };
}

/** @param depth blocks of the network: what is added to the residual is scaled down by it */
export function newBlock(width: number, depth: number): Block {
  const outputs = 0.02 / Math.sqrt(2 * depth);
  return {
    attentionNorm: newNorm(width),
    queryKeyValue: newDense(width, 3 * width),
    mixed: newDense(width, width, outputs),
    forwardNorm: newNorm(width),
    widened: newDense(width, 4 * width),
    narrowed: newDense(4 * width, width, outputs),
  };
}

/** A weight with normally distributed first values. */
export function newWeight(shape: [number, number], deviation = 0.02): tf.Variable {
  return tf.variable(tf.randomNormal(shape, 0, deviation));
}

export function normalised<T extends tf.Tensor>(x: T, { scale, shift }: Norm): T {
  return layerNorm(x, scale, shift);
}

/** States [batch, time, width] -> states of the same shape; each sees itself and earlier ones. */
export function applyBlock(x: tf.Tensor3D, block: Block, options: BlockOptions): tf.Tensor3D {
  const [batch, time, width] = x.shape;
  // As a matrix, so that products with weights are one product each.
  const rows = x.reshape([batch * time, width]);
  const looked = attention(normalised(rows, block.attentionNorm), block, [
    batch,
    time,
    options.heads,
  ]);
  const middle = rows.add(drop(dense(looked, block.mixed), options));
  const wide = gelu(dense(normalised(middle, block.forwardNorm), block.widened), 'tanh');
  return middle.add(drop(dense(wide, block.narrowed), options)).reshape([batch, time, width]);
}

export function drop<T extends tf.Tensor>(x: T, { dropout }: Pick<BlockOptions, 'dropout'>): T {
  return dropout === 0 ? x : (tf.dropout(x, dropout) as T);
}

function newDense(inputs: number, units: number, deviation = 0.02): Dense {
  return { kernel: newWeight([inputs, units], deviation), bias: tf.variable(tf.zeros([units])) };
}

function dense(x: tf.Tensor, { kernel, bias }: Dense): tf.Tensor2D {
  return x.matMul(kernel).add(bias);
}

/** Every position takes from the values of those up to itself, as much as its query asks for. */
function attention(
  rows: tf.Tensor,
  { queryKeyValue }: Block,
  [batch, time, heads]: [batch: number, time: number, heads: number],
): tf.Tensor2D {
  const size = rows.shape[1]! / heads;
  const parts = dense(rows, queryKeyValue).reshape([batch, time, 3, heads, size]);
  const [query, key, value] = tf.unstack(parts.transpose([2, 0, 3, 1, 4]));
  const scores = query.mul(1 / Math.sqrt(size)).matMul(key, false, true);
  const shares = scores.add(futureMask(time)).softmax();
  const mixed = shares.matMul(value).transpose([0, 2, 1, 3]);
  return mixed.reshape([batch * time, heads * size]);
}

/** [time, time]: 0 where a row may look, hugely negative for the columns in its future. */
function futureMask(time: number): tf.Tensor2D {
  const values = Float32Array.from({ length: time * time }, (_, index) =>
    index % time > Math.floor(index / time) ? -1e9 : 0,
  );
  return tf.tensor2d(values, [time, time]);
}
