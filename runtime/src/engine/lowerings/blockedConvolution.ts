import { BLOCKED_DOMAIN } from '../onnx/graphBuilder.ts';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { Value } from '../onnx/value.ts';
import { geometry, type ConvInfo } from './convolutionGeometry.ts';

/** A convolution whose result is in blocks of channels, or null where it cannot be. */
export function blockedConvolution(
  graph: GraphBuilder,
  x: Value,
  filter: Value,
  info: ConvInfo,
): Value | null {
  const { inChannels, outChannels, groups } = info;
  if (!isBlocks(graph, outChannels)) return null;
  if (info.depthwise) {
    // One filter a channel, or else the operator computes whole blocks for each channel.
    if (inChannels !== outChannels) return null;
    const weights = depthwiseFilter(graph, filter);
    return convolve(
      graph,
      graph.blocked(x),
      weights,
      { ...geometry(info), group: groups },
      info.outShape,
    );
  }
  // Images of few channels are read as they are.
  const few = inChannels < graph.blockSize;
  if (!few && !isBlocks(graph, inChannels)) return null;
  const image = few ? graph.channelsFirst(x) : graph.blocked(x);
  return convolve(graph, image, blockedFilter(graph, filter), geometry(info), info.outShape);
}

/**
 * Gradient with respect to the input as the convolution with the mirrored filter, in blocks of
 * channels, or null where it cannot be.
 */
export function blockedInputGradient(
  graph: GraphBuilder,
  dy: Value,
  filter: Value,
  info: ConvInfo,
): Value | null {
  const { inChannels, outChannels, groups, dilationHeight, dilationWidth } = info;
  if (info.strideHeight !== 1 || info.strideWidth !== 1) return null;
  if (!isBlocks(graph, inChannels) || !isBlocks(graph, outChannels)) return null;
  if (info.depthwise && inChannels !== outChannels) return null;
  const top = info.effectiveFilterHeight - 1 - info.padInfo.top;
  const left = info.effectiveFilterWidth - 1 - info.padInfo.left;
  const bottom = info.inHeight - info.outHeight + info.padInfo.top;
  const right = info.inWidth - info.outWidth + info.padInfo.left;
  if (Math.min(top, left, bottom, right) < 0) return null;
  const mirrored = mirror(graph, filter);
  const weights = info.depthwise
    ? depthwiseFilter(graph, mirrored)
    : blockedFilter(graph, mirrored, true);
  const attributes = {
    kernel_shape: [info.filterHeight, info.filterWidth],
    dilations: [dilationHeight, dilationWidth],
    pads: [top, left, bottom, right],
    group: groups,
  };
  return convolve(graph, graph.blocked(dy), weights, attributes, info.inShape);
}

function isBlocks({ blockSize }: GraphBuilder, channels: number): boolean {
  return blockSize > 0 && channels % blockSize === 0;
}

function convolve(
  graph: GraphBuilder,
  image: string,
  weights: Value,
  attributes: Parameters<GraphBuilder['raw']>[2],
  shape: readonly number[],
): Value {
  const inputs = [image, graph.rows(weights)];
  const [blocked] = graph.raw('Conv', inputs, attributes, { domain: BLOCKED_DOMAIN });
  return new Value('float32', shape, { blocked });
}

/**
 * [height, width, in, out] as blocks of out channels by blocks of in channels by taps, each of
 * in by out channels; `swapped` makes the out channels the inner ones.
 */
function blockedFilter(graph: GraphBuilder, filter: Value, swapped = false): Value {
  const [height, width, inner, outer] = filter.shape;
  const size = graph.blockSize;
  if (inner < size) {
    const split = graph.reshape(filter, [height, width, inner, outer / size, size]);
    const moved = graph.transpose(split, [3, 2, 0, 1, 4]);
    return graph.reshape(moved, [outer, inner, height, width]);
  }
  const blocks = [height, width, inner / size, size, outer / size, size];
  const split = graph.reshape(filter, blocks);
  const moved = graph.transpose(split, swapped ? [2, 4, 0, 1, 5, 3] : [4, 2, 0, 1, 3, 5]);
  const shape = swapped ? [inner, outer] : [outer, inner];
  return graph.reshape(moved, [...shape, height, width]);
}

function depthwiseFilter(graph: GraphBuilder, filter: Value): Value {
  const [height, width, channels] = filter.shape;
  const size = graph.blockSize;
  const split = graph.reshape(filter, [height, width, channels / size, size]);
  return graph.reshape(graph.transpose(split, [2, 0, 1, 3]), [channels, 1, height, width]);
}

/** The filter turned by half a circle. */
function mirror(graph: GraphBuilder, filter: Value): Value {
  const lists = [
    [-1, -1],
    [-1000, -1000],
    [0, 1],
    [-1, -1],
  ];
  const operands = lists.map((list) => graph.constant('int64', [2], list));
  return graph.op('Slice', [filter, ...operands], filter.shape);
}
