import type { backend_util } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';

/** tfjs's geometry of a window that moves over depth, height and width. */
export type VolumeInfo = backend_util.Conv3DInfo;

/** [batch, depth, height, width, channels] as [batch, channels, depth, height, width]. */
export function toChannelsFirst(graph: GraphBuilder, x: Value): Value {
  return graph.transpose(x, [0, 4, 1, 2, 3]);
}

/** [batch, channels, depth, height, width] as [batch, depth, height, width, channels]. */
export function fromChannelsFirst(graph: GraphBuilder, x: Value): Value {
  return graph.transpose(x, [0, 2, 3, 4, 1]);
}

/** Sizes along depth, height and width: of the input, the window with its gaps, the output. */
export function sizes(info: VolumeInfo) {
  return {
    input: [info.inDepth, info.inHeight, info.inWidth],
    window: [info.effectiveFilterDepth, info.effectiveFilterHeight, info.effectiveFilterWidth],
    output: [info.outDepth, info.outHeight, info.outWidth],
  };
}

/** Steps of the window along depth, height and width. */
export function strides(info: VolumeInfo): number[] {
  return [info.strideDepth, info.strideHeight, info.strideWidth];
}

/** What is added before and after along depth, height and width. */
export function padding({ padInfo }: VolumeInfo) {
  return {
    before: [padInfo.front, padInfo.top, padInfo.left],
    after: [padInfo.back, padInfo.bottom, padInfo.right],
  };
}
