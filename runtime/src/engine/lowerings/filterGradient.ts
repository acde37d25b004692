import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import type { ConvInfo } from './convolution.ts';

/** Below this many input channels the products per tap are too thin. */
const FEW_CHANNELS = 16;

/**
 * Gradient with respect to the filter: for each tap of the filter, the product of the input
 * pixels under that tap with the output gradients.
 */
export function filterGradient(graph: GraphBuilder, x: Value, dy: Value, info: ConvInfo): Value {
  if (info.depthwise) return depthwiseGradient(graph, x, dy, info);
  if (info.inChannels < FEW_CHANNELS) return thinGradient(graph, x, dy, info);
  const { inChannels, outChannels } = info;
  const outputs = outputMatrix(graph, dy, info);
  const products = taps(graph, padded(graph, x, info), info).map((tap) => {
    const pixels = graph.reshape(tap, [pixelCount(info), inChannels]);
    return graph.op('Gemm', [pixels, outputs], [inChannels, outChannels], { transA: 1 });
  });
  return graph.reshape(concat(graph, products, 0), info.filterShape);
}

/** Few channels: all taps as rows of one matrix, one product without a transposed operand. */
function thinGradient(graph: GraphBuilder, x: Value, dy: Value, info: ConvInfo): Value {
  const { inChannels, outChannels, filterHeight, filterWidth } = info;
  const image = padded(graph, x, info);
  const [batch, height, width] = image.shape;
  const planes = Array.from({ length: inChannels }, (_, channel) =>
    inChannels === 1
      ? graph.reshape(image, [batch, height, width])
      : graph.reshape(
          slice(
            graph,
            image,
            [0, 0, 0, channel],
            [batch, height, width, channel + 1],
            [1, 1, 1, 1],
          ),
          [batch, height, width],
        ),
  );
  const tapsOfPlane = planes.map((plane) => taps(graph, plane, info));
  const rows = Array.from({ length: filterHeight * filterWidth }, (_, tap) =>
    tapsOfPlane.map((list) => graph.reshape(list[tap], [1, pixelCount(info)])),
  ).flat();
  const shape = [rows.length, outChannels];
  const product = graph.op(
    'MatMul',
    [concat(graph, rows, 0), outputMatrix(graph, dy, info)],
    shape,
  );
  return graph.reshape(product, info.filterShape);
}

/** Depthwise: a product of elements per tap, summed over pixels by a product with ones. */
function depthwiseGradient(graph: GraphBuilder, x: Value, dy: Value, info: ConvInfo): Value {
  const { inChannels, outChannels } = info;
  const multiplier = outChannels / inChannels;
  const count = pixelCount(info);
  const outputs = graph.reshape(dy, [count, inChannels, multiplier]);
  const ones = graph.filled([1, count], 1);
  const sums = taps(graph, padded(graph, x, info), info).map((tap) => {
    const pixels = graph.reshape(tap, [count, inChannels, 1]);
    const terms = graph.op('Mul', [pixels, outputs], [count, inChannels, multiplier]);
    return graph.op('MatMul', [ones, graph.reshape(terms, [count, outChannels])], [1, outChannels]);
  });
  return graph.reshape(concat(graph, sums, 0), info.filterShape);
}

function outputMatrix(graph: GraphBuilder, dy: Value, info: ConvInfo): Value {
  return graph.reshape(dy, [pixelCount(info), info.outChannels]);
}

function pixelCount({ batchSize, outHeight, outWidth }: ConvInfo): number {
  return batchSize * outHeight * outWidth;
}

function padded(graph: GraphBuilder, x: Value, { padInfo }: ConvInfo): Value {
  const { top, bottom, left, right } = padInfo;
  if (top + bottom + left + right === 0) return x;
  const [batch, height, width, channels] = x.shape;
  const shape = [batch, height + top + bottom, width + left + right, channels];
  const pads = graph.constant('int64', [8], [0, top, left, 0, 0, bottom, right, 0]);
  return graph.op('Pad', [x, pads, graph.scalar(0)], shape);
}

/** The pixels that each tap of the filter meets, in the order of the filter's taps. */
function taps(graph: GraphBuilder, image: Value, info: ConvInfo): Value[] {
  const list: Value[] = [];
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      list.push(
        tapPixels(graph, image, info, row * info.dilationHeight, column * info.dilationWidth),
      );
    }
  }
  return list;
}

function tapPixels(
  graph: GraphBuilder,
  image: Value,
  info: ConvInfo,
  top: number,
  left: number,
): Value {
  const { strideHeight, strideWidth, outHeight, outWidth } = info;
  const rest = image.shape.slice(3);
  return slice(
    graph,
    image,
    [0, top, left, ...rest.map(() => 0)],
    [
      image.shape[0],
      top + (outHeight - 1) * strideHeight + 1,
      left + (outWidth - 1) * strideWidth + 1,
      ...rest,
    ],
    [1, strideHeight, strideWidth, ...rest.map(() => 1)],
  );
}

function slice(
  graph: GraphBuilder,
  x: Value,
  starts: number[],
  ends: number[],
  steps: number[],
): Value {
  const shape = starts.map((start, axis) => Math.ceil((ends[axis] - start) / steps[axis]));
  const rank = starts.length;
  const axes = starts.map((_, axis) => axis);
  const operands = [starts, ends, axes, steps].map((list) => graph.constant('int64', [rank], list));
  return graph.op('Slice', [x, ...operands], shape);
}

function concat(graph: GraphBuilder, parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0];
  const shape = [...parts[0].shape];
  shape[axis] = parts.reduce((total, part) => total + part.shape[axis], 0);
  return graph.op('Concat', parts, shape, { axis });
}
