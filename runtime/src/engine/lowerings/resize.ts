import type { ResizeBilinearAttrs, ResizeBilinearGradAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering, NumericType, Operand, OutputSpec } from './lowering.ts';

/**
 * Image resizing and its gradients. Along each axis it is a linear map, so that its gradient is
 * the product with the same matrix transposed.
 */
export const RESIZES: Lowering[] = [
  lower<ResizeBilinearAttrs>({
    kernel: 'ResizeBilinear',
    inputs: ['images'],
    infer: ([images], { size }) => resized(images, size, 'float32'),
    emit: (graph, [images], { size, ...corners }) => [
      mapBoth(graph, graph.cast(images, 'float32'), size, (axis) =>
        bilinearMatrix(images.shape[axis], size[axis - 1], corners),
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
        const indices = graph.constant('int64', [sources.length], sources);
        const shape = image.shape.with(axis, sources.length);
        return graph.op('Gather', [image, indices], shape, { axis });
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
  const shape = [batch, height, width, channels];
  if (channels === 1) {
    const flat = graph.reshape(mapped, [batch * height, oldWidth]);
    const right = weights(graph, transposed(matrixOf(2)));
    return graph.reshape(graph.op('MatMul', [flat, right], [batch * height, width]), shape);
  }
  const columns = graph.reshape(mapped, [batch * height, oldWidth, channels]);
  const wide = [batch * height, width, channels];
  return graph.reshape(graph.op('MatMul', [weights(graph, matrixOf(2)), columns], wide), shape);
}

function weights(graph: GraphBuilder, matrix: Matrix): Value {
  return graph.constant('float32', [matrix.length, matrix[0].length], matrix.flat());
}

function transposed(matrix: Matrix): Matrix {
  return matrix[0].map((_, column) => matrix.map((row) => row[column]));
}

function bilinearMatrix(from: number, to: number, corners: Corners): Matrix {
  const ratio = scale(from, to, corners);
  const { halfPixelCenters } = corners;
  return Array.from({ length: to }, (_, index) => {
    const position = halfPixelCenters ? ratio * (index + 0.5) - 0.5 : ratio * index;
    const low = Math.max(0, Math.floor(position));
    const high = Math.min(from - 1, Math.ceil(position));
    const row = new Array<number>(from).fill(0);
    row[low] += 1 - (position - low);
    row[Math.max(0, high)] += position - low;
    return row;
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
