import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { broadcastShape } from '../onnx/value.ts';
import type { Value } from '../onnx/value.ts';
import type { Lowering } from './lowering.ts';

/** The angle of a point, `Math.atan2`: `a` is the ordinate, `b` the abscissa. */
export const ANGLES: Lowering[] = [
  {
    kernel: 'Atan2',
    inputs: ['a', 'b'],
    infer: ([a, b]) =>
      a.dtype === 'float32' && b.dtype === 'float32'
        ? [{ shape: broadcastShape(a.shape, b.shape), dtype: 'float32' }]
        : null,
    emit: (graph, [y, x], _attrs, [{ shape }]) => [angle(graph, y, x, shape)],
  },
];

function angle(graph: GraphBuilder, y: Value, x: Value, shape: readonly number[]): Value {
  const number = (value: number) => graph.scalar(value);
  const numeric = (op: string, ...inputs: Value[]) => graph.elementwise(op, inputs, shape);
  const choose = (condition: Value, yes: Value, no: Value) =>
    graph.elementwise('Where', [condition, yes, no], shape, {}, 'float32');
  const unit = (value: Value) => graph.elementwise('Sign', [value], value.shape);
  const ratio = numeric('Div', y, x);
  // Both infinite: the diagonals. Both zero: the axis.
  const bothInfinite = graph.elementwise(
    'And',
    [test(graph, 'IsInf', y), test(graph, 'IsInf', x)],
    shape,
  );
  const diagonal = choose(bothInfinite, numeric('Mul', unit(y), unit(x)), ratio);
  const isZero = (value: Value) =>
    graph.elementwise('Equal', [value, number(0)], value.shape, {}, 'bool');
  const origin = graph.elementwise('And', [isZero(y), isZero(x)], shape);
  const slope = choose(origin, y, diagonal);
  const right = graph.elementwise('Atan', [slope], shape);
  const turn = choose(isNegative(graph, y), number(-Math.PI), number(Math.PI));
  return choose(isNegative(graph, x), numeric('Add', right, turn), right);
}

function test(graph: GraphBuilder, op: string, x: Value): Value {
  return graph.elementwise(op, [x], x.shape, {}, 'bool');
}

/** Below zero, or the zero below zero. */
function isNegative(graph: GraphBuilder, x: Value): Value {
  const zero = graph.scalar(0);
  const less = (value: Value) => graph.elementwise('Less', [value, zero], x.shape, {}, 'bool');
  const inverse = graph.elementwise('Reciprocal', [x], x.shape);
  return graph.elementwise('Or', [less(x), less(inverse)], x.shape);
}
