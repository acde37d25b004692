import type { ResizeBilinearAttrs, ResizeBilinearGradAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering, NumericType, Operand, OutputSpec } from './lowering.ts';

/**
 * Image resizing and its gradients. Along each axis it is a linear map, so that its gradient is
 * the product with the transposed matrix.
 */
export const RESIZES: Lowering[] = [
  lower<ResizeBilinearAttrs>({
    kernel: 'ResizeBilinear',
    inputs: ['images'],
    infer: ([images], { size }) => resized(images, size, 'float32'),
    emit: (graph, [images], { size, ...corners }) => [
      [1, 2].reduce(
        (image, axis) => blend(graph, image, axis, size[axis - 1], corners),
        graph.cast(images, 'float32'),
      ),
    ],
  }),
  lower<ResizeBilinearAttrs>({
    kernel: 'ResizeNearestNeighbor',
    inputs: ['images'],
    infer: ([images], { size }) => resized(images, size, images.dtype),
    emit: (graph, [images], { size, ...corners }) => [
      [1, 2].reduce((image, axis) => {
        const sources = nearestSources(images.shape[axis], size[axis - 1], corners);
        return pick(graph, image, axis, sources);
      }, images),
    ],
  }),
  gradient('ResizeBilinearGrad', bilinearMatrix),
  gradient('ResizeNearestNeighborGrad', nearestMatrix),
];

interface Corners {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** With fewer channels than this, a product per row of an image has too little to do. */
const FEW_CHANNELS = 16;

/** Rows of weights: one row per pixel of the result, one column per pixel of the source. */
type Matrix = number[][];

function gradient(
  kernel: string,
  matrixOf: (from: number, to: number, corners: Corners) => Matrix,
): Lowering {
  return lower<ResizeBilinearGradAttrs>({
    kernel,
    inputs: ['images', 'dy'],
    infer: ([images, dy]) =>
      images.dtype === 'float32' && dy.dtype === 'float32' ? [images] : null,
    emit(graph, [images, dy], { alignCorners }) {
      const size: [number, number] = [images.shape[1], images.shape[2]];
      // tfjs's kernels take no notice of `halfPixelCenters` here.
      const corners = { alignCorners, halfPixelCenters: false };
      const matrix = (axis: number) =>
        transposed(matrixOf(images.shape[axis], dy.shape[axis], corners));
      return [mapBoth(graph, dy, size, matrix)];
    },
  });
}

function resized(
  { shape: [batch, , , channels] }: Operand,
  [height, width]: [number, number],
  dtype: NumericType,
): OutputSpec[] {
  return [{ shape: [batch, height, width, channels], dtype }];
}

/** The pixels of an axis in another order, some of them several times. */
function pick(graph: GraphBuilder, image: Value, axis: number, sources: number[]): Value {
  const indices = graph.constant('int64', [sources.length], sources);
  return graph.op('Gather', [image, indices], image.shape.with(axis, sources.length), { axis });
}

/** Each pixel of the result between its two neighbours: a product would be wasted on so few. */
function blend(
  graph: GraphBuilder,
  image: Value,
  axis: number,
  to: number,
  corners: Corners,
): Value {
  const places = neighbours(image.shape[axis], to, corners);
  const low = pick(
    graph,
    image,
    axis,
    places.map((place) => place.low),
  );
  const high = pick(
    graph,
    image,
    axis,
    places.map((place) => place.high),
  );
  const perPixel = [1, 1, 1, 1].with(axis, to);
  const share = graph.constant(
    'float32',
    perPixel,
    places.map((place) => place.share),
  );
  const binary = (op: string, a: Value, b: Value) => graph.op(op, [a, b], low.shape);
  return binary('Add', low, binary('Mul', binary('Sub', high, low), share));
}

/** Maps the rows of images, then the columns. */
function mapBoth(
  graph: GraphBuilder,
  images: Value,
  [height, width]: [number, number],
  matrixOf: (axis: 1 | 2) => Matrix,
): Value {
  const [batch, oldHeight, oldWidth, channels] = images.shape;
  const rows = graph.reshape(images, [batch, oldHeight, oldWidth * channels]);
  const tall = [batch, height, oldWidth * channels];
  const mapped = graph.op('MatMul', [weights(graph, matrixOf(1)), rows], tall);
  const pixels = graph.reshape(mapped, [batch * height, oldWidth, channels]);
  return graph.reshape(mapColumns(graph, pixels, width, matrixOf(2)), [
    batch,
    height,
    width,
    channels,
  ]);
}

/** [rows, columns, channels] with other columns; a product with few channels would be thin. */
function mapColumns(graph: GraphBuilder, pixels: Value, width: number, matrix: Matrix): Value {
  const [rows, columns, channels] = pixels.shape;
  if (channels >= FEW_CHANNELS) {
    return graph.op('MatMul', [weights(graph, matrix), pixels], [rows, width, channels]);
  }
  const flat = graph.reshape(graph.transpose(pixels, [0, 2, 1]), [rows * channels, columns]);
  const right = weights(graph, transposed(matrix));
  const mapped = graph.op('MatMul', [flat, right], [rows * channels, width]);
  return graph.transpose(graph.reshape(mapped, [rows, channels, width]), [0, 2, 1]);
}

function weights(graph: GraphBuilder, matrix: Matrix): Value {
  return graph.constant('float32', [matrix.length, matrix[0].length], matrix.flat());
}

function transposed(matrix: Matrix): Matrix {
  return matrix[0].map((_, column) => matrix.map((row) => row[column]));
}

function bilinearMatrix(from: number, to: number, corners: Corners): Matrix {
  return neighbours(from, to, corners).map(({ low, high, share }) => {
    const row = new Array<number>(from).fill(0);
    row[low] += 1 - share;
    row[high] += share;
    return row;
  });
}

/** For each pixel of the result the two next to its place, and how near it is to the second. */
function neighbours(from: number, to: number, corners: Corners) {
  const ratio = scale(from, to, corners);
  return Array.from({ length: to }, (_, index) => {
    const position = corners.halfPixelCenters ? ratio * (index + 0.5) - 0.5 : ratio * index;
    const low = Math.max(0, Math.floor(position));
    const high = Math.max(0, Math.min(from - 1, Math.ceil(position)));
    return { low, high, share: position - low };
  });
}

function nearestMatrix(from: number, to: number, corners: Corners): Matrix {
  return nearestSources(from, to, corners).map((source) =>
    Array.from({ length: from }, (_, index) => Number(index === source)),
  );
}

function nearestSources(from: number, to: number, corners: Corners): number[] {
  const ratio = scale(from, to, corners);
  const { alignCorners, halfPixelCenters } = corners;
  return Array.from({ length: to }, (_, index) => {
    const position = ratio * (halfPixelCenters ? index + 0.5 : index);
    return Math.min(from - 1, alignCorners ? Math.round(position) : Math.floor(position));
  });
}

/** Pixels of the source per pixel of the result. */
function scale(from: number, to: number, { alignCorners }: Corners): number {
  return alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
}
