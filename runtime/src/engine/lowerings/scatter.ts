import type { SearchSortedAttrs, SparseToDenseAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { sizeOf } from '../onnx/value.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';
import { scatter } from './serialScatter.ts';

/** Kernels that put elements at given places, or look for their places. */
export const SCATTERS: Lowering[] = [
  lower<SparseToDenseAttrs>({
    kernel: 'SparseToDense',
    inputs: ['sparseIndices', 'sparseValues', 'defaultValue'],
    infer: ([, values], { outputShape }) =>
      values.dtype === 'bool' ? null : [{ shape: outputShape, dtype: values.dtype }],
    emit(graph, [indices, values, filler], _attrs, [{ shape }]) {
      const dense = expand(graph, graph.cast(filler, values.type), shape);
      // One number per element is enough in a vector, one value for all of them as well.
      const tuples = indices.rank < 2 ? graph.reshape(indices, [indices.size, 1]) : indices;
      const updates = expand(graph, values, [tuples.shape[0]]);
      return [scatter(graph, dense, graph.cast(tuples, 'int64'), updates)];
    },
  }),
  {
    kernel: 'TensorScatterUpdate',
    inputs: ['tensor', 'indices', 'updates'],
    infer: ([tensor, indices, updates]) =>
      indices.shape.length >= 2 && tensor.dtype === updates.dtype && updates.shape.length > 0
        ? [tensor]
        : null,
    emit: (graph, [tensor, indices, updates]) => [
      scatter(graph, tensor, graph.cast(indices, 'int64'), updates),
    ],
  },
  {
    kernel: 'Diag',
    inputs: ['x'],
    infer: ([x]) =>
      x.dtype === 'bool' ? null : [{ shape: [...x.shape, ...x.shape], dtype: x.dtype }],
    emit(graph, [x], _attrs, [{ shape }]) {
      const count = sizeOf(x.shape);
      const numbers = Array.from({ length: count }, (_, index) => index);
      const places = graph.constant(
        'int64',
        [count, 1],
        numbers.map((index) => index * (count + 1)),
      );
      const operands = [graph.filled([count ** 2], 0, x.type), places, graph.reshape(x, [count])];
      return [graph.reshape(graph.op('ScatterND', operands, [count ** 2]), shape)];
    },
  },
  lower<SearchSortedAttrs>({
    kernel: 'SearchSorted',
    inputs: ['sortedSequence', 'values'],
    infer: ([sequence, values]) =>
      sequence.dtype === values.dtype && values.dtype !== 'bool'
        ? [{ shape: values.shape, dtype: 'int32' }]
        : null,
    emit(graph, [sequence, values], { side }, [{ shape }]) {
      const [batch, length] = sequence.shape;
      const cube = [batch, shape[1], length];
      // The place of a value is the number of elements before it.
      const sorted = graph.reshape(sequence, [batch, 1, length]);
      const wanted = graph.reshape(values, [batch, shape[1], 1]);
      const op = side === 'left' ? 'Less' : 'LessOrEqual';
      const before = graph.op(op, [sorted, wanted], cube, {}, { type: 'bool' });
      const axes = graph.constant('int64', [1], [2]);
      const ones = graph.cast(before, 'int32');
      return [graph.op('ReduceSum', [ones, axes], shape, { keepdims: 0 })];
    },
  }),
];

function expand(graph: GraphBuilder, x: Value, shape: readonly number[]): Value {
  return graph.op('Expand', [x, graph.constant('int64', [shape.length], shape)], shape);
}
