import { gelu } from '../../runtime/dist/engine/ops/gelu.js';
import { layerNorm } from '../../runtime/dist/engine/ops/layerNorm.js';
import * as tf from '../../runtime/dist/engine/tf.js';
import { cases } from './workload.ts';

const heads = 4;

/**
 * A causal transformer in tfjs's ops and this runtime's, as generated projects have it: tokens
 * [batch, time] -> logits [batch * time, vocabulary]. `weights` are those of the case, in order.
 */
export function gptLogits(weights: readonly tf.Tensor[], tokens: tf.Tensor): tf.Tensor2D {
  const [embedding, positions, ...others] = weights;
  const head = others[others.length - 1];
  const [finalScale, finalShift] = others.slice(-3);
  const time = cases.gpt.input[0];
  const mask = causalMask(time);
  let x: tf.Tensor = tf.add(tf.gather(embedding, tokens as tf.Tensor2D), positions);
  const [batch, , width] = x.shape;
  x = tf.reshape(x, [batch * time, width]);
  for (let first = 0; first + 12 < others.length; first += 12) {
    x = block(x, others.slice(first, first + 12), mask, batch);
  }
  return tf.matMul(layerNorm(x, finalScale, finalShift), head);
}

function block(
  x: tf.Tensor,
  weights: readonly tf.Tensor[],
  mask: tf.Tensor,
  batch: number,
): tf.Tensor {
  const [scale1, shift1, qkv, qkvBias, out, outBias] = weights;
  const [scale2, shift2, up, upBias, down, downBias] = weights.slice(6);
  const attended = attention(dense(layerNorm(x, scale1, shift1), qkv, qkvBias), mask, batch);
  const middle = tf.add(x, dense(attended, out, outBias));
  const hidden = gelu(dense(layerNorm(middle, scale2, shift2), up, upBias), 'tanh');
  return tf.add(middle, dense(hidden, down, downBias));
}

function attention(qkv: tf.Tensor, mask: tf.Tensor, batch: number): tf.Tensor {
  const time = mask.shape[0];
  const width = (qkv.shape[1] ?? 0) / 3;
  const size = width / heads;
  const split = tf.transpose(tf.reshape(qkv, [batch, time, 3, heads, size]), [2, 0, 3, 1, 4]);
  const [query, key, value] = tf.unstack(split);
  const scores = tf.matMul(tf.mul(query, 1 / Math.sqrt(size)), key, false, true);
  const mixed = tf.matMul(tf.softmax(tf.add(scores, mask)), value);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * time, width]);
}

function dense(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return tf.add(tf.matMul(x, kernel), bias);
}

/** 0 where a position may look, a large negative number where it lies in the future. */
function causalMask(time: number): tf.Tensor2D {
  const future = Array.from({ length: time }, (_, row) =>
    Array.from({ length: time }, (_, column) => (column > row ? -1e9 : 0)),
  );
  return tf.tensor2d(future);
}
