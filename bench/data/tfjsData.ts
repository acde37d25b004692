import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfdata from '@tensorflow/tfjs-data';

const side = 28;
const headers = { images: 16, labels: 8 } as const;

/**
 * The augmentation of the other pipelines as tfjs-data's documentation writes it: a generator of
 * samples, a shuffle of a window, a map over tensors, batches, prefetch. On its cpu back end.
 *
 * @returns takes so many batches of the pipeline and forgets them
 */
export async function openTfjsData(
  images: string,
  labels: string,
  batchSize: number,
): Promise<(batches: number) => Promise<void>> {
  await tf.setBackend('cpu');
  const pixels = open(images).subarray(headers.images);
  const classes = open(labels).subarray(headers.labels);
  function* samples() {
    for (let index = 0; ; index = (index + 1) % classes.length) {
      const from = index * side * side;
      yield { image: pixels.subarray(from, from + side * side), label: classes[index] };
    }
  }
  let drawn = 0;
  const augmented = tfdata
    .generator(samples)
    .shuffle(1024, '1')
    .map((sample) => {
      const { image, label } = sample;
      return tf.tidy(() => ({ image: augment(image, (drawn += 3)), label }));
    });
  const iterator = await augmented.batch(batchSize, false).prefetch(2).iterator();
  return async (batches) => {
    for (let batch = 0; batch < batches; batch++) {
      const { value } = (await iterator.next()) as { value: tf.TensorContainer };
      tf.dispose(value);
    }
  };
}

/** A random crop of the image padded by 2, a flip in half of the cases, normalisation. */
function augment(image: Uint8Array, seed: number): tf.Tensor3D {
  const padded = tf.pad3d(
    tf.div<tf.Tensor3D>(tf.tensor3d(Float32Array.from(image), [side, side, 1]), 255),
    [
      [2, 2],
      [2, 2],
      [0, 0],
    ],
  );
  const [y, x, flip] = tf.randomUniform([3], 0, 1, 'float32', seed).dataSync();
  const cropped = tf.slice3d(padded, [Math.floor(5 * y), Math.floor(5 * x), 0], [side, side, 1]);
  const flipped = flip < 0.5 ? tf.reverse(cropped, 1) : cropped;
  return tf.div(tf.sub(flipped, 0.1307), 0.3081);
}

function open(address: string): Uint8Array {
  return readFileSync(createRequire(import.meta.url).resolve(address.replace('package:', '')));
}
