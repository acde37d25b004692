import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { geluSlope, type GeluAttrs } from '../ops/geluOnCpu.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** This runtime's own activation, see `ops/gelu.ts`. */
export const GELUS: Lowering[] = [
  lower<GeluAttrs>({
    kernel: 'Gelu',
    inputs: ['x'],
    infer: ([x]) => (x.dtype === 'float32' ? [x] : null),
    emit: (graph, [x], { approximate }) => [
      (approximate === 'tanh' ? tanhForm : exactForm)(graph, x).value,
    ],
  }),
  lower<GeluAttrs>({
    kernel: 'GeluGrad',
    inputs: ['dy', 'x'],
    infer: ([dy, x]) => (dy.dtype === 'float32' && x.dtype === 'float32' ? [x] : null),
    emit(graph, [dy, x], { approximate }) {
      // Forward and backward have nodes in common, which the graph then holds once.
      const slope = (approximate === 'tanh' ? tanhForm : exactForm)(graph, x).slope();
      return [graph.elementwise('Mul', [dy, slope], x.shape)];
    },
  }),
];

interface Form {
  readonly value: Value;
  slope(): Value;
}

function tanhForm(graph: GraphBuilder, x: Value): Form {
  const { linear, cubic } = geluSlope;
  const { binary, number } = arithmetic(graph, x);
  const bent = binary('Mul', binary('Mul', x, x), number(cubic));
  const share = unary(graph, 'Sigmoid', binary('Mul', binary('Add', bent, number(linear)), x));
  const value = binary('Mul', x, share);
  return {
    value,
    slope() {
      const inner = binary('Add', binary('Mul', bent, number(3)), number(linear));
      const remainder = binary('Mul', value, binary('Sub', number(1), share));
      return binary('Add', binary('Mul', remainder, inner), share);
    },
  };
}

function exactForm(graph: GraphBuilder, x: Value): Form {
  const { binary, number } = arithmetic(graph, x);
  const scaled = binary('Mul', x, number(Math.SQRT1_2));
  const half = binary('Mul', unary(graph, 'Erf', scaled), number(0.5));
  const share = binary('Add', half, number(0.5));
  return {
    value: binary('Mul', x, share),
    slope() {
      const exponent = binary('Mul', binary('Mul', x, x), number(-0.5));
      const bell = binary('Mul', unary(graph, 'Exp', exponent), x);
      const density = binary('Mul', bell, number(1 / Math.sqrt(2 * Math.PI)));
      return binary('Add', density, share);
    },
  };
}

function arithmetic(graph: GraphBuilder, { shape }: Value) {
  return {
    binary: (op: string, a: Value, b: Value) => graph.elementwise(op, [a, b], shape),
    number: (value: number) => graph.scalar(value),
  };
}

function unary(graph: GraphBuilder, op: string, x: Value): Value {
  return graph.elementwise(op, [x], x.shape);
}
