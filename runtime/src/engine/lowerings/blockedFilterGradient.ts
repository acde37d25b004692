import { BLOCKED_DOMAIN } from '../onnx/graphBuilder.ts';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import type { ConvInfo } from './convolutionGeometry.ts';
import { concat, slice, taps } from './taps.ts';

/** Output gradients that stay in the processor's cache while a row of the result is computed. */
const CACHED_ELEMENTS = 2 ** 17;

/**
 * Gradient with respect to the filter as one convolution in blocks, or null where it cannot be.
 *
 * The images of the batch become the channels, the output gradients the filter, and the taps of
 * the result the pixels: tap and input channel together are one wide axis, along which the filter
 * steps by whole pixels. Groups of 16 images and of some rows give partial sums, which fill the
 * cores and keep each part of the filter in cache.
 */
export function blockedFilterGradient(
  graph: GraphBuilder,
  x: Value,
  dy: Value,
  info: ConvInfo,
): Value | null {
  const { inChannels, outChannels, batchSize, outWidth, strideHeight, strideWidth } = info;
  const size = graph.blockSize;
  if (size === 0 || outChannels % size !== 0) return null;
  if (info.dilationHeight !== 1 || info.dilationWidth !== 1) return null;
  const batch = Math.ceil(batchSize / size) * size;
  // More zeros than images would cost more than they gain.
  if (batch > 2 * batchSize) return null;
  const bands = bandCount(info, size);
  const rows = info.outHeight / bands;
  const groups = (bands * batch) / size;
  const attributes = {
    kernel_shape: [rows, outWidth],
    dilations: [strideHeight, strideWidth * inChannels],
    group: groups,
  };
  const inputs = [
    bandsOfImages(graph, x, info, batch, bands),
    graph.rows(filterOfGradients(graph, dy, batch, bands)),
  ];
  const [partial] = graph.raw('Conv', inputs, attributes, { domain: BLOCKED_DOMAIN });
  const tapCount = info.filterHeight * info.filterWidth * inChannels;
  const sums = addUp(graph, graph.view(partial, [groups, outChannels * tapCount], 'float32'));
  const blocks = graph.reshape(sums, [outChannels / size, tapCount, size]);
  return graph.reshape(graph.transpose(blocks, [1, 0, 2]), info.filterShape);
}

/**
 * The same for images of fewer channels than a block has: a product for each image of its taps
 * with the output gradients, which stay in blocks.
 */
export function thinBlockedGradient(
  graph: GraphBuilder,
  x: Value,
  dy: Value,
  info: ConvInfo,
): Value | null {
  const { batchSize, inChannels, outChannels, outHeight, outWidth } = info;
  const size = graph.blockSize;
  if (dy.blocked === undefined || size === 0) return null;
  const pixels = outHeight * outWidth;
  const planes = paddedPlanes(graph, x, info);
  const parts = taps(graph, planes, info).map((tap) =>
    graph.reshape(tap, [batchSize, inChannels, pixels]),
  );
  const columns = concat(graph, parts, 1);
  const tapCount = columns.shape[1];
  const blocks = outChannels / size;
  const products = graph.op(
    'MatMul',
    [
      graph.reshape(columns, [batchSize, 1, tapCount, pixels]),
      graph.view(dy.blocked, [batchSize, blocks, pixels, size], 'float32'),
    ],
    [batchSize, blocks, tapCount, size],
  );
  const sums = addUp(graph, graph.reshape(products, [batchSize, tapCount * outChannels]));
  const moved = graph.transpose(graph.reshape(sums, [blocks, tapCount, size]), [1, 0, 2]);
  return graph.reshape(moved, info.filterShape);
}

/** Sum over the first axis of a matrix. */
function addUp(graph: GraphBuilder, matrix: Value): Value {
  const [rows, columns] = matrix.shape;
  if (rows === 1) return matrix;
  return graph.op('MatMul', [graph.filled([1, rows], 1), matrix], [1, columns]);
}

function bandCount({ outHeight, outWidth, outChannels }: ConvInfo, size: number): number {
  const perRow = outWidth * size * Math.min(outChannels, 4 * size);
  const fitting = Math.max(1, Math.floor(CACHED_ELEMENTS / perRow));
  let bands = Math.min(outHeight, Math.ceil(outHeight / fitting));
  while (outHeight % bands !== 0) bands++;
  return bands;
}

/** [1, bands * batch, rows of a band, width * channels], in blocks of images. */
function bandsOfImages(
  graph: GraphBuilder,
  x: Value,
  info: ConvInfo,
  batch: number,
  bands: number,
): string {
  const { strideHeight, filterHeight, outHeight } = info;
  const image = windowed(graph, x, info, batch);
  const [, , width, channels] = image.shape;
  const rows = (outHeight / bands - 1) * strideHeight + filterHeight;
  const parts = Array.from({ length: bands }, (_, band) => {
    const top = band * (outHeight / bands) * strideHeight;
    const [starts, ends] = [
      [0, top, 0, 0],
      [batch, top + rows, width, channels],
    ];
    return bands === 1 ? image : slice(graph, image, starts, ends, [1, 1, 1, 1]);
  });
  const flat = graph.reshape(concat(graph, parts, 0), [1, bands * batch, rows, width * channels]);
  const options = { domain: BLOCKED_DOMAIN };
  return graph.raw('ReorderInput', [graph.rows(flat)], { channels_last: 0 }, options)[0];
}

/** The image with exactly the pixels that the filter meets, and images of zeros up to `batch`. */
function windowed(graph: GraphBuilder, x: Value, info: ConvInfo, batch: number): Value {
  const { padInfo, inChannels, batchSize } = info;
  const height = (info.outHeight - 1) * info.strideHeight + info.filterHeight;
  const width = (info.outWidth - 1) * info.strideWidth + info.filterWidth;
  const ends = [
    batch - batchSize,
    height - padInfo.top - info.inHeight,
    width - padInfo.left - info.inWidth,
    0,
  ];
  const pads = [0, padInfo.top, padInfo.left, 0, ...ends];
  if (pads.every((pad) => pad === 0)) return x;
  const operands = [x, graph.constant('int64', [8], pads), graph.scalar(0)];
  return graph.op('Pad', operands, [batch, height, width, inChannels]);
}

/** The output gradients as blocks of channels by rows and columns, each of images by channels. */
function filterOfGradients(graph: GraphBuilder, dy: Value, batch: number, bands: number): Value {
  const [images, height, width, channels] = dy.shape;
  const size = graph.blockSize;
  const [groups, blocks, rows] = [batch / size, channels / size, height / bands];
  const inRows = dy.blocked === undefined;
  const name = inRows ? graph.rows(dy) : graph.blocked(dy);
  let gradients = graph.view(name, [images, height * width * channels], 'float32');
  if (batch > images) {
    const zeros = graph.filled([batch - images, gradients.shape[1]], 0);
    gradients = concat(graph, [gradients, zeros], 0);
  }
  const pixels = rows * width;
  const [shape, order] = inRows
    ? [
        [groups, size, bands, pixels, blocks, size],
        [2, 0, 4, 3, 1, 5],
      ]
    : [
        [groups, size, blocks, bands, pixels, size],
        [3, 0, 2, 4, 1, 5],
      ];
  const moved = graph.transpose(graph.reshape(gradients, shape), order);
  return graph.reshape(moved, [bands * groups * channels, size, rows, width]);
}

/** Every channel of every image as a plane of its own, with the convolution's padding. */
function paddedPlanes(graph: GraphBuilder, x: Value, info: ConvInfo): Value {
  const { batchSize, inChannels, inHeight, inWidth, padInfo } = info;
  const { top, bottom, left, right } = padInfo;
  const planes = graph.view(
    graph.channelsFirst(x),
    [batchSize * inChannels, inHeight, inWidth],
    'float32',
  );
  if (top + bottom + left + right === 0) return planes;
  const pads = graph.constant('int64', [6], [0, top, left, 0, bottom, right]);
  const shape = [planes.shape[0], inHeight + top + bottom, inWidth + left + right];
  return graph.op('Pad', [planes, pads, graph.scalar(0)], shape);
}
