import { backend_util, slice_util, util } from '@tensorflow/tfjs-core';
import type {
  BatchToSpaceNDAttrs,
  DepthToSpaceAttrs,
  PadV2Attrs,
  ReverseAttrs,
  SliceAttrs,
  SpaceToBatchNDAttrs,
  StridedSliceAttrs,
  TileAttrs,
  TransposeAttrs,
} from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** Stands for "to the beginning" where a slice runs backwards. */
const BEFORE_START = -(2 ** 31) + 1;

/** Kernels that move elements around without computing. */
export const SHAPES: Lowering[] = [
  lower<TransposeAttrs>({
    kernel: 'Transpose',
    inputs: ['x'],
    infer: ([x], { perm }) => [
      { shape: perm.map((axis: number) => x.shape[axis]), dtype: x.dtype },
    ],
    emit: (graph, [x], { perm }) => [graph.transpose(x, perm)],
  }),
  lower<SliceAttrs>({
    kernel: 'Slice',
    inputs: ['x'],
    infer([x], { begin, size }) {
      const [starts, sizes] = slice_util.parseSliceParams(x as never, begin, size);
      slice_util.assertParamsValid(x as never, starts, sizes);
      return [{ shape: sizes, dtype: x.dtype }];
    },
    emit(graph, [x], { begin, size }) {
      const [starts, sizes] = slice_util.parseSliceParams(x as never, begin, size);
      const ends = starts.map((start, axis) => start + sizes[axis]);
      return [
        slice(
          graph,
          x,
          starts,
          ends,
          starts.map(() => 1),
          sizes,
        ),
      ];
    },
  }),
  lower<StridedSliceAttrs>({
    kernel: 'StridedSlice',
    inputs: ['x'],
    infer: ([x], attrs) => [{ shape: stridedInfo(x.shape, attrs).finalShape, dtype: x.dtype }],
    emit(graph, [x], attrs) {
      const { begin, end, strides, finalShape } = stridedInfo(x.shape, attrs);
      const ends = end.map((stop, axis) => (strides[axis] < 0 && stop < 0 ? BEFORE_START : stop));
      const sparse = begin.map((start, axis) =>
        Math.max(0, Math.ceil((end[axis] - start) / strides[axis])),
      );
      const [source, starts] = fromTheEnd(graph, x, begin, strides);
      return [graph.reshape(slice(graph, source, starts, ends, strides, sparse), finalShape)];
    },
  }),
  lower<ReverseAttrs>({
    kernel: 'Reverse',
    inputs: ['x'],
    infer([x], { dims }) {
      util.parseAxisParam(dims, x.shape);
      return [x];
    },
    emit(graph, [x], { dims }) {
      return [reverse(graph, x, util.parseAxisParam(dims, x.shape as number[]))];
    },
  }),
  {
    kernel: 'FlipLeftRight',
    inputs: ['image'],
    infer: ([image]) => [image],
    emit: (graph, [image]) => [reverse(graph, image, [2])],
  },
  lower<PadV2Attrs>({
    kernel: 'PadV2',
    inputs: ['x'],
    infer: ([x], { paddings }) => (x.dtype === 'bool' ? null : [paddedSpec(x, paddings)]),
    emit(graph, [x], { paddings, constantValue }, [{ shape }]) {
      return [pad(graph, x, paddings, shape, 'constant', graph.scalar(constantValue, x.type))];
    },
  }),
  lower<TileAttrs>({
    kernel: 'Tile',
    inputs: ['x'],
    infer: ([x], { reps }) =>
      reps.length === x.shape.length
        ? [{ shape: x.shape.map((size, axis) => size * reps[axis]), dtype: x.dtype }]
        : null,
    emit: (graph, [x], { reps }, [{ shape }]) => [
      x.shape.every((size, axis) => size === 1 || reps[axis] === 1)
        ? graph.repeat(x, shape)
        : graph.op('Tile', [x, graph.constant('int64', [reps.length], reps)], shape),
    ],
  }),
  lower<SpaceToBatchNDAttrs>({
    kernel: 'SpaceToBatchND',
    inputs: ['x'],
    infer([x], { blockShape, paddings }) {
      const { reshaped, order, final } = spaceToBatch(x.shape, blockShape, paddings);
      return order.length === reshaped.length && x.dtype !== 'bool'
        ? [{ shape: final, dtype: x.dtype }]
        : null;
    },
    emit(graph, [x], { blockShape, paddings }) {
      const plan = spaceToBatch(x.shape, blockShape, paddings);
      const zero = graph.scalar(0, x.type);
      const image = pad(graph, x, plan.paddings, plan.padded, 'constant', zero);
      const moved = graph.transpose(graph.reshape(image, plan.reshaped), plan.order);
      return [graph.reshape(moved, plan.final)];
    },
  }),
  lower<BatchToSpaceNDAttrs>({
    kernel: 'BatchToSpaceND',
    inputs: ['x'],
    infer([x], { blockShape, crops }) {
      return [{ shape: batchToSpace(x.shape, blockShape, crops).sizes, dtype: x.dtype }];
    },
    emit(graph, [x], { blockShape, crops }) {
      const plan = batchToSpace(x.shape, blockShape, crops);
      const moved = graph.transpose(graph.reshape(x, plan.reshaped), plan.order);
      const image = graph.reshape(moved, plan.final);
      const ends = plan.begins.map((begin, axis) => begin + plan.sizes[axis]);
      return [
        slice(
          graph,
          image,
          plan.begins,
          ends,
          plan.begins.map(() => 1),
          plan.sizes,
        ),
      ];
    },
  }),
  lower<DepthToSpaceAttrs>({
    kernel: 'DepthToSpace',
    inputs: ['x'],
    infer([x], { blockSize, dataFormat }) {
      if (dataFormat !== 'NHWC') return null;
      const [batch, height, width, depth] = x.shape;
      const shape = [batch, height * blockSize, width * blockSize, depth / blockSize ** 2];
      return [{ shape, dtype: x.dtype }];
    },
    emit(graph, [x], { blockSize }, [{ shape }]) {
      const [batch, height, width] = x.shape;
      const blocks = [batch, height, width, blockSize, blockSize, shape[3]];
      const moved = graph.transpose(graph.reshape(x, blocks), [0, 1, 3, 2, 4, 5]);
      return [graph.reshape(moved, shape)];
    },
  }),
];

/** Elements from `starts` to `ends` (exclusive) in `steps`, giving `shape`. */
export function slice(
  graph: GraphBuilder,
  x: Value,
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[],
  shape: readonly number[],
): Value {
  if (x.rank === 0) return x;
  const axes = starts.map((_, axis) => axis);
  const operands = [starts, ends, axes, steps].map((list) =>
    graph.constant('int64', [list.length], list),
  );
  return graph.op('Slice', [x, ...operands], shape);
}

/**
 * Cuts off what lies behind the beginning of a slice that runs backwards: on WebGPU ONNX Runtime
 * lets such slices begin at the last element, whatever was asked for.
 */
function fromTheEnd(
  graph: GraphBuilder,
  x: Value,
  begin: number[],
  strides: readonly number[],
): [Value, number[]] {
  const shape = x.shape.map((size, axis) => {
    const start = begin[axis] < 0 ? begin[axis] + size : begin[axis];
    return strides[axis] < 0 ? Math.max(0, Math.min(size, start + 1)) : size;
  });
  if (shape.every((size, axis) => size === x.shape[axis])) return [x, begin];
  const [starts, steps] = [shape.map(() => 0), shape.map(() => 1)];
  const last = begin.map((start, axis) => (strides[axis] < 0 ? shape[axis] - 1 : start));
  return [slice(graph, x, starts, shape, steps, shape), last];
}

function reverse(graph: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const starts = x.shape.map((size, axis) => (axes.includes(axis) ? size - 1 : 0));
  const ends = x.shape.map((size, axis) => (axes.includes(axis) ? BEFORE_START : size));
  const steps = x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1));
  return slice(graph, x, starts, ends, steps, x.shape);
}

function stridedInfo(shape: readonly number[], attrs: StridedSliceAttrs) {
  return slice_util.sliceInfo(
    shape as number[],
    attrs.begin,
    attrs.end,
    attrs.strides,
    attrs.beginMask,
    attrs.endMask,
    attrs.ellipsisMask,
    attrs.newAxisMask,
    attrs.shrinkAxisMask,
  );
}

function paddedSpec<Spec extends { shape: number[] }>(x: Spec, paddings: number[][]) {
  const shape = x.shape.map((size, axis) => size + paddings[axis][0] + paddings[axis][1]);
  return { ...x, shape };
}

/** `x` with margins per axis; negative amounts cut off. */
export function pad(
  graph: GraphBuilder,
  x: Value,
  paddings: readonly (readonly number[])[],
  shape: readonly number[],
  mode: string,
  filler?: Value,
): Value {
  if (x.rank === 0) return x;
  const amounts = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
  const operands = [x, graph.constant('int64', [amounts.length], amounts)];
  return graph.op('Pad', filler === undefined ? operands : [...operands, filler], shape, { mode });
}

function spaceToBatch(shape: readonly number[], block: number[], paddings: number[][]) {
  const all = [[0, 0], ...paddings];
  while (all.length < shape.length) all.push([0, 0]);
  const padded = shape.map((size, axis) => size + all[axis][0] + all[axis][1]);
  const product = block.reduce((a, b) => a * b, 1);
  return {
    paddings: all,
    padded,
    reshaped: backend_util.getReshaped(padded, block, product, false),
    order: backend_util.getPermuted(
      backend_util.getReshaped(padded, block, product, false).length,
      block.length,
      false,
    ),
    final: backend_util.getReshapedPermuted(padded, block, product, false),
  };
}

function batchToSpace(shape: readonly number[], block: number[], crops: number[][]) {
  const product = block.reduce((a, b) => a * b, 1);
  const reshaped = backend_util.getReshaped(shape as number[], block, product);
  const final = backend_util.getReshapedPermuted(shape as number[], block, product);
  return {
    reshaped,
    order: backend_util.getPermuted(reshaped.length, block.length),
    final,
    begins: final.map((_, axis) => crops[axis - 1]?.[0] ?? 0),
    sizes: final.map(
      (size, axis) => size - (crops[axis - 1]?.[0] ?? 0) - (crops[axis - 1]?.[1] ?? 0),
    ),
  };
}
