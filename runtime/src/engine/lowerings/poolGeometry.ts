import type { backend_util } from '@tensorflow/tfjs-core';

/** tfjs's geometry of a pooling window. */
export type PoolInfo = backend_util.Conv2DInfo;

/** Window, strides and padding as ONNX's pooling operators take them. */
export function geometry({ padInfo, ...info }: PoolInfo) {
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right],
  };
}
