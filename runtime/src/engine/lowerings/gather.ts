import { gather_util, util } from '@tensorflow/tfjs-core';
import type {
  GatherV2Attrs,
  OneHotAttrs,
  ScatterNdAttrs,
  TopKAttrs,
  UnsortedSegmentSumAttrs,
} from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { isNumeric, lower } from './lowering.ts';
import type { Lowering, Operand } from './lowering.ts';
import { scatter } from './serialScatter.ts';

/** Kernels that pick or place elements by index. */
export const GATHERS: Lowering[] = [
  lower<GatherV2Attrs>({
    kernel: 'GatherV2',
    inputs: ['x', 'indices'],
    infer([x, indices], { axis, batchDims }) {
      const along = util.parseAxisParam(axis, x.shape)[0];
      const batches = batchDims ?? 0;
      checkRange(indices, x.shape[along]);
      if (indices.dtype !== 'int32' || (batches !== 0 && batches !== along)) return null;
      const shape = [
        ...x.shape.slice(0, along),
        ...indices.shape.slice(batches),
        ...x.shape.slice(along + 1),
      ];
      return [{ shape, dtype: x.dtype }];
    },
    emit(graph, [x, indices], { axis, batchDims }, [{ shape }]) {
      const along = util.parseAxisParam(axis, x.shape as number[])[0];
      if ((batchDims ?? 0) === 0) return [graph.op('Gather', [x, indices], shape, { axis: along })];
      const tuples = graph.reshape(graph.cast(indices, 'int64'), [...indices.shape, 1]);
      return [graph.op('GatherND', [x, tuples], shape, { batch_dims: along })];
    },
  }),
  {
    kernel: 'GatherNd',
    inputs: ['params', 'indices'],
    infer([params, indices]) {
      gather_util.prepareAndValidate(params as never, indices as never);
      if (indices.dtype !== 'int32') return null;
      const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(indices.shape.at(-1))];
      return [{ shape, dtype: params.dtype }];
    },
    emit: (graph, [params, indices], _attrs, [{ shape }]) => [
      graph.op('GatherND', [params, graph.cast(indices, 'int64')], shape),
    ],
  },
  lower<ScatterNdAttrs>({
    kernel: 'ScatterNd',
    inputs: ['indices', 'updates'],
    infer: ([indices, updates], { shape }) =>
      indices.dtype === 'int32' && updates.dtype !== 'bool' && indices.shape.length >= 1
        ? [{ shape, dtype: updates.dtype }]
        : null,
    emit(graph, [indices, updates], { shape }) {
      const zeros = graph.filled(shape, 0, updates.type);
      const tuples = graph.cast(asTuples(graph, indices), 'int64');
      return [scatter(graph, zeros, tuples, updates, 'add')];
    },
  }),
  lower<UnsortedSegmentSumAttrs>({
    kernel: 'UnsortedSegmentSum',
    inputs: ['x', 'segmentIds'],
    infer: ([x, segmentIds], { numSegments }) =>
      x.dtype === 'float32' && segmentIds.shape.length === 1
        ? [{ shape: [numSegments, ...x.shape.slice(1)], dtype: x.dtype }]
        : null,
    emit: (graph, [x, ids], { numSegments }) => [segmentSum(graph, x, ids, numSegments)],
  }),
  lower<OneHotAttrs>({
    kernel: 'OneHot',
    inputs: ['indices'],
    infer: ([indices], { dtype, depth }) =>
      indices.dtype === 'int32' && isNumeric(dtype)
        ? [{ shape: [...indices.shape, depth], dtype }]
        : null,
    emit: (graph, [indices], attrs, [{ shape, dtype }]) => {
      const hot = oneHot(graph, indices, shape);
      const { onValue, offValue } = attrs;
      if (onValue === 1 && offValue === 0) return [graph.cast(hot, dtype)];
      const [on, off] = [onValue, offValue].map((value: number) => graph.scalar(value));
      const chosen = graph.op('Where', [hot, on, off], shape, {}, { type: 'float32' });
      return [graph.cast(chosen, dtype)];
    },
  }),
  lower<TopKAttrs>({
    kernel: 'TopK',
    inputs: ['x'],
    infer([x], { k, sorted }) {
      if (x.dtype === 'bool' || !sorted || k < 1) return null;
      const shape = [...x.shape.slice(0, -1), k];
      return [
        { shape, dtype: x.dtype },
        { shape, dtype: 'int32' },
      ];
    },
    emit(graph, [x], { k }, [{ shape }]) {
      const names = graph.raw(
        'TopK',
        [graph.rows(x), graph.ints([k])],
        { axis: -1 },
        { outputs: 2 },
      );
      const values = graph.view(names[0], shape, x.type);
      return [values, graph.cast(graph.view(names[1], shape, 'int64'), 'int32')];
    },
  }),
];

/** A vector of indices into the first axis as a column of them. */
function asTuples(graph: GraphBuilder, indices: Value): Value {
  return indices.rank === 1 ? graph.reshape(indices, [indices.size, 1]) : indices;
}

/** As on other back ends, a bad index is an error where it is used, if it is known by then. */
function checkRange({ entry: { values } }: Operand, size: number): void {
  if (values === null) return;
  for (let index = 0; index < values.length; index++) {
    const position = values[index];
    if (position < 0 || position >= size) {
      throw new RangeError(`GatherV2: the index value ${position} is not in [0, ${size - 1}].`);
    }
  }
}

function oneHot(graph: GraphBuilder, indices: Value, shape: readonly number[]): Value {
  const depth = shape[shape.length - 1];
  const column = graph.reshape(indices, [...indices.shape, 1]);
  const classes = graph.constant(
    'int32',
    [depth],
    Array.from({ length: depth }, (_, n) => n),
  );
  return graph.op('Equal', [column, classes], shape, {}, { type: 'bool' });
}

/** Rows added up by segment; ids outside the range are dropped into an extra row. */
function segmentSum(graph: GraphBuilder, x: Value, ids: Value, segments: number): Value {
  const rest = x.shape.slice(1);
  const wide = graph.cast(ids, 'int64');
  const negative = [wide, graph.constant('int64', [], [0])];
  const isNegative = graph.op('Less', negative, ids.shape, {}, { type: 'bool' });
  const extra = graph.constant('int64', [], [segments]);
  const known = graph.op('Where', [isNegative, extra, wide], ids.shape, {}, { type: 'int64' });
  const capped = graph.op('Min', [known, extra], ids.shape);
  const zeros = graph.filled([segments + 1, ...rest], 0);
  const tuples = graph.reshape(capped, [ids.shape[0], 1]);
  const sums = scatter(graph, zeros, tuples, x, 'add');
  const bounds = [[0], [segments], [0]].map((list) => graph.constant('int64', [1], list));
  return graph.op('Slice', [sums, ...bounds], [segments, ...rest]);
}
