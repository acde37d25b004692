import type { FusedBatchNormAttrs, SoftmaxAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { addBiasToConvolution, scaleChannels } from './convolutionFusion.ts';
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
];

interface Statistics {
  readonly mean: Value;
  readonly variance: Value;
  readonly offset: Value | undefined;
  readonly scale: Value | undefined;
}

/** The statistics become one factor and one shift per channel: two passes, in blocks only one. */
function batchNorm(graph: GraphBuilder, x: Value, statistics: Statistics, epsilon: number): Value {
  const { mean, variance, offset, scale } = statistics;
  const small = (op: string, inputs: Value[]) => graph.elementwise(op, inputs, inputs[0].shape);
  const deviation = small('Sqrt', [small('Add', [variance, graph.scalar(epsilon)])]);
  const inverse = small('Reciprocal', [deviation]);
  const factor = scale === undefined ? inverse : small('Mul', [inverse, scale]);
  const moved = small('Mul', [mean, factor]);
  const shift = offset === undefined ? small('Neg', [moved]) : small('Sub', [offset, moved]);
  const scaled = scaleChannels(graph, x, factor) ?? graph.elementwise('Mul', [x, factor], x.shape);
  return (
    addBiasToConvolution(graph, scaled, shift) ?? graph.elementwise('Add', [scaled, shift], x.shape)
  );
}
