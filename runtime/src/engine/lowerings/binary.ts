import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { broadcastShape } from '../onnx/value.ts';
import type { Value } from '../onnx/value.ts';
import { addBiasToConvolution, addToScaled, scaleChannels } from './convolutionFusion.ts';
import { maskPoolGradient, prelu } from './elementwise.ts';
import type { Lowering, NumericType, Operands, OutputSpec } from './lowering.ts';

const NUMBERS: NumericType[] = ['float32', 'int32'];

/** Kernels of two tensors with broadcasting, and of three with `Select`. */
export const BINARY: Lowering[] = [
  arithmetic(
    'Add',
    NUMBERS,
    (graph, a, b) =>
      addBiasToConvolution(graph, a, b) ?? addToScaled(graph, a, b) ?? pair(graph, 'Add', a, b),
  ),
  arithmetic('Sub', NUMBERS, (graph, a, b) => pair(graph, 'Sub', a, b)),
  arithmetic(
    'Multiply',
    NUMBERS,
    (graph, a, b) =>
      maskPoolGradient(graph, a, b) ?? scaleChannels(graph, a, b) ?? pair(graph, 'Mul', a, b),
  ),
  arithmetic('RealDiv', ['float32'], (graph, a, b) => pair(graph, 'Div', a, b)),
  arithmetic('Maximum', NUMBERS, (graph, a, b) => pair(graph, 'Max', a, b)),
  arithmetic('Minimum', NUMBERS, (graph, a, b) => pair(graph, 'Min', a, b)),
  arithmetic('Pow', ['float32'], (graph, a, b) => pair(graph, 'Pow', a, b)),
  arithmetic('Mod', NUMBERS, modulo),
  arithmetic('SquaredDifference', NUMBERS, squaredDifference),
  arithmetic('Prelu', ['float32'], prelu, ['x', 'alpha']),
  arithmetic('BitwiseAnd', ['int32'], (graph, a, b) => pair(graph, 'BitwiseAnd', a, b)),
  {
    ...arithmetic('FloorDiv', NUMBERS, floorDivide),
    infer: (inputs) => result(inputs, NUMBERS, 'int32'),
  },
  comparison('Equal', 'Equal'),
  comparison('Greater', 'Greater'),
  comparison('GreaterEqual', 'GreaterOrEqual'),
  comparison('Less', 'Less'),
  comparison('LessEqual', 'LessOrEqual'),
  {
    ...comparison('NotEqual', 'Equal'),
    emit: (graph, [a, b], _attrs, [{ shape }]) => [
      graph.elementwise('Not', [compare(graph, 'Equal', a, b)], shape),
    ],
  },
  logical('LogicalAnd', 'And'),
  logical('LogicalOr', 'Or'),
  {
    kernel: 'Select',
    inputs: ['condition', 't', 'e'],
    infer: ([condition, t]) => [
      { shape: t.shape.length === 0 ? condition.shape : t.shape, dtype: t.dtype },
    ],
    emit: (graph, [condition, t, e], _attrs, [{ shape }]) => [
      select(graph, condition, t, e, shape),
    ],
  },
];

type Emit = (graph: GraphBuilder, a: Value, b: Value) => Value;

function arithmetic(
  kernel: string,
  types: NumericType[],
  emit: Emit,
  inputs = ['a', 'b'],
): Lowering {
  return {
    kernel,
    inputs,
    infer: (operands) => result(operands, types),
    emit: (graph, [a, b]) => [emit(graph, a, b)],
  };
}

function comparison(kernel: string, op: string): Lowering {
  return {
    kernel,
    inputs: ['a', 'b'],
    infer: (operands) => result(operands, ['float32', 'int32', 'bool'], 'bool'),
    emit: (graph, [a, b]) => [compare(graph, op, a, b)],
  };
}

function logical(kernel: string, op: string): Lowering {
  return {
    kernel,
    inputs: ['a', 'b'],
    infer: (operands) => result(operands, ['bool']),
    emit: (graph, [a, b]) => [pair(graph, op, a, b)],
  };
}

function result([a, b]: Operands, types: NumericType[], dtype = a.dtype): OutputSpec[] | null {
  if (a.dtype !== b.dtype || !types.includes(a.dtype)) return null;
  return [{ shape: broadcastShape(a.shape, b.shape), dtype }];
}

function pair(graph: GraphBuilder, op: string, a: Value, b: Value): Value {
  return graph.elementwise(op, [a, b], broadcastShape(a.shape, b.shape));
}

function compare(graph: GraphBuilder, op: string, a: Value, b: Value): Value {
  const numbers = [a, b].map((value) =>
    value.type === 'bool' ? graph.cast(value, 'int32') : value,
  );
  return graph.elementwise(op, numbers, broadcastShape(a.shape, b.shape), {}, 'bool');
}

function squaredDifference(graph: GraphBuilder, a: Value, b: Value): Value {
  const difference = pair(graph, 'Sub', a, b);
  return pair(graph, 'Mul', difference, difference);
}

/** Remainder with the sign of the divisor. */
function modulo(graph: GraphBuilder, a: Value, b: Value): Value {
  const shape = broadcastShape(a.shape, b.shape);
  if (a.type === 'int32') return graph.elementwise('Mod', [a, b], shape, { fmod: 0 });
  const mod = (x: Value) => graph.elementwise('Mod', [x, b], shape, { fmod: 1 });
  const remainder = mod(a);
  const negative = [a, b].map((value) =>
    graph.elementwise('Less', [value, graph.scalar(0)], value.shape, {}, 'bool'),
  );
  const sameSign = graph.elementwise('Equal', negative, shape, {}, 'bool');
  const shifted = mod(graph.elementwise('Add', [remainder, b], shape));
  return graph.elementwise('Where', [sameSign, remainder, shifted], shape, {}, 'float32');
}

/** Quotients rounded down; int32 by way of float64, which holds every one exactly. */
function floorDivide(graph: GraphBuilder, a: Value, b: Value): Value {
  const wide = a.type === 'int32' ? 'float64' : 'float32';
  const quotient = pair(graph, 'Div', graph.cast(a, wide), graph.cast(b, wide));
  return graph.cast(graph.elementwise('Floor', [quotient], quotient.shape), 'int32');
}

function select(graph: GraphBuilder, condition: Value, t: Value, e: Value, shape: number[]): Value {
  // A vector of conditions chooses whole rows.
  const rows = condition.rank === 1 && t.rank > 1;
  const mask = rows
    ? graph.reshape(condition, [condition.shape[0], ...t.shape.slice(1).fill(1)])
    : condition;
  const [yes, no] = t.type === 'bool' ? [graph.cast(t, 'int32'), graph.cast(e, 'int32')] : [t, e];
  const chosen = graph.elementwise('Where', [mask, yes, no], shape, {}, yes.type);
  return graph.cast(chosen, t.type);
}
