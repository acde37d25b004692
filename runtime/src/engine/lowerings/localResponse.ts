import type { LRNAttrs, LRNGradAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** Local response normalisation: x divided by a power of the squares of its neighbour channels. */
export const LOCAL_RESPONSES: Lowering[] = [
  lower<LRNAttrs>({
    kernel: 'LRN',
    inputs: ['x'],
    infer: ([x]) => (x.dtype === 'float32' ? [x] : null),
    emit(graph, [x], attrs) {
      const factor = binary(graph, 'Pow', squaredNorm(graph, x, attrs), graph.scalar(-attrs.beta));
      return [binary(graph, 'Mul', x, factor)];
    },
  }),
  lower<LRNGradAttrs>({
    kernel: 'LRNGrad',
    inputs: ['x', 'y', 'dy'],
    infer: ([x, y, dy]) => ([x, y, dy].every(({ dtype }) => dtype === 'float32') ? [x] : null),
    emit(graph, [x, y, dy], attrs) {
      const norm = squaredNorm(graph, x, attrs);
      const direct = binary(
        graph,
        'Mul',
        dy,
        binary(graph, 'Pow', norm, graph.scalar(-attrs.beta)),
      );
      const weighted = binary(graph, 'Div', binary(graph, 'Mul', dy, y), norm);
      const shared = windowSums(graph, weighted, attrs.depthRadius);
      const scale = graph.scalar(2 * attrs.alpha * attrs.beta);
      const indirect = binary(graph, 'Mul', binary(graph, 'Mul', x, scale), shared);
      return [binary(graph, 'Sub', direct, indirect)];
    },
  }),
];

function binary(graph: GraphBuilder, op: string, a: Value, b: Value): Value {
  return graph.op(op, [a, b], a.shape);
}

/** bias + alpha * the squares of the channels around each. */
function squaredNorm(
  graph: GraphBuilder,
  x: Value,
  { depthRadius, bias, alpha }: Pick<LRNAttrs, 'depthRadius' | 'bias' | 'alpha'>,
): Value {
  const sums = windowSums(graph, binary(graph, 'Mul', x, x), depthRadius);
  return binary(graph, 'Add', binary(graph, 'Mul', sums, graph.scalar(alpha)), graph.scalar(bias));
}

/** Sums over the channels up to `radius` away, as the product with a band of ones. */
function windowSums(graph: GraphBuilder, x: Value, radius: number): Value {
  const channels = x.shape[3];
  const band = Array.from({ length: channels ** 2 }, (_, index) =>
    Number(Math.abs(Math.floor(index / channels) - (index % channels)) <= radius),
  );
  const ones = graph.constant('float32', [channels, channels], band);
  const rows = graph.reshape(x, [x.size / channels, channels]);
  return graph.reshape(graph.op('MatMul', [rows, ones], rows.shape), x.shape);
}
