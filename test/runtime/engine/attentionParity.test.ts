import { it } from '@jest/globals';
import { resetEngineCounters } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct } from './compare.ts';
import { expectSameOutcome } from './parity.ts';

const [BATCH, TIME, WIDTH, HEADS, WORDS] = [2, 4, 6, 2, 5];

const parameters = () => {
  const weight = (shape: number[], seed: number) => tf.variable(distinct(shape, seed, -0.4, 0.4));
  return {
    words: weight([WORDS, WIDTH], 1),
    places: weight([TIME, WIDTH], 2),
    project: weight([WIDTH, 3 * WIDTH], 3),
    merge: weight([WIDTH, WIDTH], 4),
    gain: weight([WIDTH], 5),
    shift: weight([WIDTH], 6),
    grow: weight([WIDTH, 4 * WIDTH], 7),
    shrink: weight([4 * WIDTH, WIDTH], 8),
  };
};
type Parameters = ReturnType<typeof parameters>;

function normalize(x: tf.Tensor, { gain, shift }: Parameters): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(gain).add(shift);
}

/** Attention over what came before, with two heads, written out in tfjs. */
function attend(x: tf.Tensor, { project, merge }: Parameters): tf.Tensor {
  const split = (part: tf.Tensor) =>
    part.reshape([BATCH, TIME, HEADS, WIDTH / HEADS]).transpose([0, 2, 1, 3]);
  const projected = x
    .reshape([-1, WIDTH])
    .matMul(project)
    .reshape([BATCH, TIME, 3 * WIDTH]);
  const [query, key, value] = tf.split(projected, 3, -1).map(split);
  const scores = tf.matMul(query, key, false, true).div(Math.sqrt(WIDTH / HEADS));
  const past = tf.linalg.bandPart(tf.ones([TIME, TIME]), -1, 0).cast('bool');
  const weights = tf.softmax(tf.where(past, scores, tf.fill([TIME, TIME], -1e9)));
  const mixed = tf.matMul(weights, value).transpose([0, 2, 1, 3]).reshape([-1, WIDTH]);
  return mixed.matMul(merge).reshape([BATCH, TIME, WIDTH]);
}

function lossOf(ids: tf.Tensor2D, next: tf.Tensor, all: Parameters): tf.Scalar {
  let x: tf.Tensor = tf.gather(all.words, ids).add(all.places);
  x = x.add(attend(normalize(x, all), all));
  const rows = normalize(x, all).reshape([-1, WIDTH]);
  const inner = rows.matMul(all.grow);
  const active = inner.mul(inner.mul(1.702).sigmoid());
  const logits = rows.add(active.matMul(all.shrink)).matMul(all.words.transpose());
  const labels = tf.oneHot(next.flatten(), WORDS);
  return tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(labels, logits);
}

it('trains a transformer block with tied embeddings as on cpu, without a fallback', async () => {
  await expectSameOutcome(async () => {
    const all = parameters();
    const optimizer = tf.train.adam(0.01);
    const ids = tf.tensor2d([0, 1, 2, 3, 4, 4, 1, 0], [BATCH, TIME], 'int32');
    const next = tf.tensor2d([1, 2, 3, 4, 4, 1, 0, 2], [BATCH, TIME], 'int32');
    const losses: number[] = [];
    resetEngineCounters();
    for (let step = 0; step < 20; step++) {
      const loss = optimizer.minimize(() => lossOf(ids, next, all), true);
      losses.push(...((await loss?.data()) ?? []));
    }
    const weights = Object.values(all).flatMap((variable) => [...variable.dataSync()]);
    tf.dispose(all);
    return { losses, weights };
  });
});
