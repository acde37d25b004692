import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import type { ConvInfo } from './convolutionGeometry.ts';

/** The pixels that each tap of the filter meets, in the order of the filter's taps. */
export function taps(graph: GraphBuilder, image: Value, info: ConvInfo): Value[] {
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

/** Part of a tensor, from `starts` to before `ends`. */
export function slice(
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

/** Tensors put together along an axis. */
export function concat(graph: GraphBuilder, parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0];
  const shape = [...parts[0].shape];
  shape[axis] = parts.reduce((total, part) => total + part.shape[axis], 0);
  return graph.op('Concat', parts, shape, { axis });
}
