import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { blockedFilterGradient, thinBlockedGradient } from './blockedFilterGradient.ts';
import { pixelCount, type ConvInfo } from './convolutionGeometry.ts';
import { concat, slice, taps } from './taps.ts';

/** Below this many input channels the products per tap are too thin. */
const FEW_CHANNELS = 16;

/**
 * Gradient with respect to the filter: for each tap of the filter, the product of the input
 * pixels under that tap with the output gradients.
 */
export function filterGradient(graph: GraphBuilder, x: Value, dy: Value, info: ConvInfo): Value {
  if (info.depthwise) return depthwiseGradient(graph, x, dy, info);
  if (info.inChannels < FEW_CHANNELS) {
    return thinBlockedGradient(graph, x, dy, info) ?? thinGradient(graph, x, dy, info);
  }
  const blocked = blockedFilterGradient(graph, x, dy, info);
  if (blocked !== null) return blocked;
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

function padded(graph: GraphBuilder, x: Value, { padInfo }: ConvInfo): Value {
  const { top, bottom, left, right } = padInfo;
  if (top + bottom + left + right === 0) return x;
  const [batch, height, width, channels] = x.shape;
  const shape = [batch, height + top + bottom, width + left + right, channels];
  const pads = graph.constant('int64', [8], [0, top, left, 0, 0, bottom, right, 0]);
  return graph.op('Pad', [x, pads, graph.scalar(0)], shape);
}
