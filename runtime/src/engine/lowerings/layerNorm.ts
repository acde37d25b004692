import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering, Operands, OutputSpec } from './lowering.ts';

interface Attrs {
  readonly epsilon: number;
}

/** This runtime's own layer normalisation over the last axis, see `ops/layerNorm.ts`. */
export const LAYER_NORMS: Lowering[] = [
  lower<Attrs>({
    kernel: 'LayerNorm',
    inputs: ['x', 'scale', 'shift'],
    infer(inputs) {
      const [x] = inputs;
      const row = { shape: [...x.shape.slice(0, -1), 1], dtype: x.dtype };
      return specs(inputs, [x, row, row]);
    },
    emit(graph, inputs, { epsilon }, [, row]) {
      const names = graph.raw(
        'LayerNormalization',
        inputs.map((value) => graph.rows(value)),
        { axis: -1, epsilon: { float: epsilon } },
        { outputs: 3 },
      );
      const shapes = [inputs[0].shape, row.shape, row.shape];
      return names.map((name, index) => graph.view(name, shapes[index], 'float32'));
    },
  }),
  lower<Attrs>({
    kernel: 'LayerNormGrad',
    inputs: ['dy', 'x', 'scale', 'mean', 'inverse'],
    infer(inputs) {
      const [, x, scale] = inputs;
      return specs(inputs, [x, scale, scale]);
    },
    emit: (graph, [dy, x, scale, , inverse], { epsilon }) =>
      gradient(graph, { dy, x, scale, inverse, epsilon }),
  }),
];

function specs(inputs: Operands, outputs: OutputSpec[]): OutputSpec[] | null {
  if (inputs.some(({ dtype }) => dtype !== 'float32')) return null;
  return outputs.map(({ shape, dtype }) => ({ shape, dtype }));
}

/**
 * Both means of a row are products with a column, which cost less than a reduction; the
 * normalised values come from ONNX's own normalisation in one pass instead of two.
 */
function gradient(
  graph: GraphBuilder,
  operands: { dy: Value; x: Value; scale: Value; inverse: Value; epsilon: number },
): Value[] {
  const { shape } = operands.x;
  const width = shape[shape.length - 1];
  const rows = operands.x.size / width;
  const [dy, x] = [operands.dy, operands.x].map((value) => graph.reshape(value, [rows, width]));
  const inverse = graph.reshape(operands.inverse, [rows, 1]);
  const scale = graph.reshape(operands.scale, [width]);
  const binary = (op: string, a: Value, b: Value) => graph.op(op, [a, b], [rows, width]);

  const attributes = { axis: -1, epsilon: { float: operands.epsilon } };
  const normal = graph.op('LayerNormalization', [x, graph.filled([width], 1)], x.shape, attributes);
  const along = binary('Mul', dy, normal);
  const share = graph.op('Mul', [scale, graph.scalar(1 / width)], [width]);
  const column = graph.reshape(share, [width, 1]);
  const rowMean = (value: Value) => graph.op('MatMul', [value, column], [rows, 1]);
  const scaled = binary('Mul', dy, scale);
  const centred = binary('Sub', scaled, rowMean(dy));
  const rest = binary('Sub', centred, binary('Mul', normal, rowMean(along)));
  const dx = binary('Mul', rest, inverse);

  const ones = graph.filled([1, rows], 1);
  const total = (value: Value) =>
    graph.reshape(graph.op('MatMul', [ones, value], [1, width]), [width]);
  return [graph.reshape(dx, shape), total(along), total(dy)];
}
