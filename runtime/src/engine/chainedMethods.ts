import * as tf from '@tensorflow/tfjs-core';

/** Methods that are an op of the same name with the tensor as its first argument. */
const SAME_NAME = `abs acos acosh add all any argMax argMin asin asinh atan atan2 atanh avgPool
  batchToSpaceND batchNorm broadcastTo ceil clipByValue conv1d conv2d conv2dTranspose cos cosh
  cumprod cumsum depthToSpace depthwiseConv2d dilation2d div divNoNan dot elu equal erf
  euclideanNorm exp expandDims expm1 fft floor floorDiv gather greater greaterEqual ifft irfft
  isFinite isInf isNaN leakyRelu less lessEqual localResponseNormalization log log1p logSigmoid
  logSoftmax logSumExp logicalAnd logicalNot logicalOr logicalXor matMul max maxPool maximum mean
  min minimum mirrorPad mod mul neg norm notEqual oneHot onesLike pad pool pow prelu prod
  reciprocal relu relu6 reshape reverse rfft round rsqrt selu separableConv2d sigmoid sign sin
  sinh slice softmax softplus spaceToBatchND split sqrt square squaredDifference squeeze step
  stridedSlice sub sum tan tanh tile topk transpose unique unsortedSegmentSum unstack zerosLike`;

type Method = (this: tf.Tensor, ...args: never[]) => unknown;

/** Adds tfjs's chained methods to every tensor; repeatable. */
export function attachChainedMethods(): void {
  const prototype = tf.Tensor.prototype as unknown as Record<string, Method | undefined>;
  const ops = tf as unknown as Record<string, (x: tf.Tensor, ...args: never[]) => unknown>;
  for (const name of SAME_NAME.split(/\s+/)) {
    const op = ops[name];
    prototype[name] ??= function (...args) {
      return op(alive(this), ...args);
    };
  }
  for (const [name, method] of Object.entries(OTHER_METHODS)) prototype[name] ??= method as Method;
}

type Sizes = [number, number];

const OTHER_METHODS = {
  asScalar: define((x) => tf.reshape(x, [])),
  as1D: define((x) => tf.reshape(x, [x.size])),
  flatten: define((x) => tf.reshape(x, [x.size])),
  as2D: define((x, ...shape: number[]) => tf.reshape(x, shape)),
  as3D: define((x, ...shape: number[]) => tf.reshape(x, shape)),
  as4D: define((x, ...shape: number[]) => tf.reshape(x, shape)),
  as5D: define((x, ...shape: number[]) => tf.reshape(x, shape)),
  reshapeAs: define((x, other: tf.Tensor) => tf.reshape(x, other.shape)),
  asType: define((x, dtype: tf.DataType) => tf.cast(x, dtype)),
  toBool: define((x) => tf.cast(x, 'bool')),
  toFloat: define((x) => tf.cast(x, 'float32')),
  toInt: define((x) => tf.cast(x, 'int32')),
  resizeBilinear: define((x, size: Sizes, alignCorners?: boolean, halfPixelCenters?: boolean) =>
    tf.image.resizeBilinear(x as tf.Tensor4D, size, alignCorners, halfPixelCenters),
  ),
  resizeNearestNeighbor: define(
    (x, size: Sizes, alignCorners?: boolean, halfPixelCenters?: boolean) =>
      tf.image.resizeNearestNeighbor(x as tf.Tensor4D, size, alignCorners, halfPixelCenters),
  ),
  concat: define((x, others: tf.Tensor | tf.Tensor[], axis?: number) =>
    tf.concat(Array.isArray(others) ? [x, ...others] : [x, others], axis),
  ),
  stack: define((x, others: tf.Tensor | tf.Tensor[], axis?: number) =>
    tf.stack(Array.isArray(others) ? [x, ...others] : [x, others], axis),
  ),
  where: define((x, condition: tf.Tensor, other: tf.Tensor) => tf.where(condition, x, other)),
};

/** A method from a function whose first argument becomes `this`. */
function define<Args extends unknown[]>(run: (x: tf.Tensor, ...args: Args) => tf.Tensor) {
  return function (this: tf.Tensor, ...args: Args): tf.Tensor {
    return run(alive(this), ...args);
  };
}

function alive(x: tf.Tensor): tf.Tensor {
  if (x.isDisposed) throw new Error('Tensor is disposed.');
  return x;
}
