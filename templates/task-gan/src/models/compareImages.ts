import * as tf from 'lightbox-runtime/tf';

/** Real images with their labels. */
interface Labelled {
  readonly image: tf.Tensor4D;
  readonly label: tf.Tensor1D;
}

/** How many labels there are. */
const classes = 10;

/**
 * Compares made images with real ones, pixel by pixel and without another network.
 * - `distance`: the energy distance between both sets, as a part of the mean distance between an
 *   image of one and an image of the other. 0: no difference between the sets; 1: all the same
 *   image in each of them. Images of few kinds, blurred or noisy ones make it larger.
 * - `digits`: how many different digits there are, 1 to 10. Each made image counts as the digit of
 *   the real image that is nearest; then the exponential of the entropy of these counts.
 */
export function compareImages(
  { image, label }: Labelled,
  made: tf.Tensor4D,
): { distance: tf.Scalar; digits: tf.Scalar } {
  const real = rows(image);
  const other = rows(made);
  const between = distances(other, real);
  const twice = between.mean().mul(2);
  const distance: tf.Scalar = twice.sub(meanWithin(real)).sub(meanWithin(other)).div(twice);
  const labels: tf.Tensor1D = tf.gather(label.cast('int32'), between.argMin(1));
  const shares: tf.Tensor = tf.oneHot(labels, classes).cast('float32').mean(0);
  const entropy = shares.mul(shares.add(1e-12).log()).sum().neg();
  return { distance, digits: tf.exp(entropy) as tf.Scalar };
}

function rows(image: tf.Tensor4D): tf.Tensor2D {
  return image.reshape([image.shape[0], -1]);
}

/** Euclidean distances of each row of one to each row of the other. */
function distances(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const squares = a.square().sum(1, true).add(b.square().sum(1).expandDims(0));
  const between: tf.Tensor2D = squares.sub(a.matMul(b, false, true).mul(2));
  return tf.sqrt(tf.relu(between));
}

/** Between different rows: without the zeros of each row to itself. */
function meanWithin(x: tf.Tensor2D): tf.Tensor {
  const count = x.shape[0];
  return distances(x, x)
    .mean()
    .mul(count / Math.max(1, count - 1));
}
