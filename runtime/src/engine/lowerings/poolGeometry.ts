import type { backend_util } from '@tensorflow/tfjs-core';
import { BLOCKED_DOMAIN } from '../onnx/graphBuilder.ts';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Attribute } from '../onnx/model.ts';
import { Value } from '../onnx/value.ts';

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

/** A pooling operator on an image, in blocks of channels where those fit. */
export function pool(
  graph: GraphBuilder,
  type: 'MaxPool' | 'AveragePool',
  x: Value,
  attributes: Readonly<Record<string, Attribute>>,
  shape: readonly number[],
): Value {
  if (graph.canBlock(x)) {
    const options = { domain: BLOCKED_DOMAIN };
    const [blocked] = graph.raw(type, [graph.blocked(x)], attributes, options);
    return new Value('float32', shape, { blocked });
  }
  const [channelsFirst] = graph.raw(type, [graph.channelsFirst(x)], attributes);
  return new Value('float32', shape, { channelsFirst });
}
