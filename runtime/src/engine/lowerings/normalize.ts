import type { FusedBatchNormAttrs, LRNAttrs, SoftmaxAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** Softmax and normalisations. */
export const NORMALIZATIONS: Lowering[] = [
  lower<SoftmaxAttrs>({
    kernel: 'Softmax',
    inputs: ['logits'],
    infer: ([logits]) => (logits.dtype === 'float32' ? [logits] : null),
    emit: (graph, [logits], { dim }) => [
      graph.op('Softmax', [logits], logits.shape, { axis: dim === -1 ? logits.rank - 1 : dim }),
    ],
  }),
  lower<FusedBatchNormAttrs>({
    kernel: 'FusedBatchNorm',
    inputs: ['x', 'mean', 'variance', 'offset', 'scale'],
    infer: ([x]) => (x.dtype === 'float32' ? [x] : null),
    emit(graph, inputs, { varianceEpsilon }) {
      const [x, mean, variance] = inputs;
      const statistics = { mean, variance, offset: inputs.at(3), scale: inputs.at(4) };
      return [batchNorm(graph, x, statistics, varianceEpsilon)];
    },
  }),
  lower<LRNAttrs>({
    kernel: 'LRN',
    inputs: ['x'],
    infer: ([x]) => (x.dtype === 'float32' ? [x] : null),
    emit: (graph, [x], attrs) => [localResponse(graph, x, attrs)],
  }),
];

interface Statistics {
  readonly mean: Value;
  readonly variance: Value;
  readonly offset: Value | undefined;
  readonly scale: Value | undefined;
}

/** Two passes over the tensor: the statistics become one factor and one shift per channel. */
function batchNorm(graph: GraphBuilder, x: Value, statistics: Statistics, epsilon: number): Value {
  const { mean, variance, offset, scale } = statistics;
  const small = (op: string, inputs: Value[]) => graph.elementwise(op, inputs, inputs[0].shape);
  const deviation = small('Sqrt', [small('Add', [variance, graph.scalar(epsilon)])]);
  const inverse = small('Reciprocal', [deviation]);
  const factor = scale === undefined ? inverse : small('Mul', [inverse, scale]);
  const moved = small('Mul', [mean, factor]);
  const shift = offset === undefined ? small('Neg', [moved]) : small('Sub', [offset, moved]);
  const scaled = graph.elementwise('Mul', [x, factor], x.shape);
  return graph.elementwise('Add', [scaled, shift], x.shape);
}

/** Squares are summed along the channels by a one-dimensional average pool. */
function localResponse(graph: GraphBuilder, x: Value, attrs: LRNAttrs): Value {
  const { depthRadius, bias, alpha, beta } = attrs;
  const channels = x.shape[3];
  const rows = x.size / channels;
  const squares = graph.reshape(graph.op('Mul', [x, x], x.shape), [rows, 1, channels]);
  const width = 2 * depthRadius + 1;
  const mean = graph.op('AveragePool', [squares], [rows, 1, channels], {
    kernel_shape: [width],
    pads: [depthRadius, depthRadius],
    count_include_pad: 1,
  });
  const flat = graph.reshape(mean, x.shape);
  const scaled = graph.op('Mul', [flat, graph.scalar(alpha * width)], x.shape);
  const base = graph.op('Add', [scaled, graph.scalar(bias)], x.shape);
  return graph.op('Mul', [x, graph.op('Pow', [base, graph.scalar(-beta)], x.shape)], x.shape);
}
