import type { backend_util } from '@tensorflow/tfjs-core';

/** tfjs's geometry of a convolution, with the number of channel groups. */
export type ConvInfo = backend_util.Conv2DInfo & {
  readonly groups: number;
  readonly depthwise: boolean;
};

/** Window, strides, dilations and padding as ONNX's convolution takes them. */
export function geometry(info: ConvInfo) {
  const { top, bottom, left, right } = info.padInfo;
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [top, left, bottom, right],
  };
}

/** Pixels of all images that a convolution computes. */
export function pixelCount({ batchSize, outHeight, outWidth }: ConvInfo): number {
  return batchSize * outHeight * outWidth;
}
