import type { CastAttrs, ClipByValueAttrs, LeakyReluAttrs, StepAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Attribute } from '../onnx/model.ts';
import type { Value } from '../onnx/value.ts';
import { addReluToConvolution } from './convolutionFusion.ts';
import { isNumeric, lower } from './lowering.ts';
import type { Lowering, NumericType, Operands, OutputSpec } from './lowering.ts';

/** Kernels of one tensor whose elements do not depend on each other. */
export const ELEMENTWISE: Lowering[] = [
  ...Object.entries({
    Acos: 'Acos',
    Acosh: 'Acosh',
    Asin: 'Asin',
    Asinh: 'Asinh',
    Atan: 'Atan',
    Atanh: 'Atanh',
    Ceil: 'Ceil',
    Cos: 'Cos',
    Cosh: 'Cosh',
    Erf: 'Erf',
    Exp: 'Exp',
    Floor: 'Floor',
    Log: 'Log',
    Reciprocal: 'Reciprocal',
    Round: 'Round',
    Sigmoid: 'Sigmoid',
    Sin: 'Sin',
    Sinh: 'Sinh',
    Softplus: 'Softplus',
    Sqrt: 'Sqrt',
    Tanh: 'Tanh',
  }).map(([kernel, op]) => unary(kernel, FLOAT(), (graph, x) => one(graph, op, x))),
  ...['Abs', 'Neg'].map((kernel) =>
    unary(kernel, ['float32', 'int32'], (graph, x) => one(graph, kernel, x)),
  ),
  unary('Sign', ['float32', 'int32'], sign),
  unary('Relu', ['float32', 'int32'], relu),
  unary('Square', ['float32', 'int32'], (graph, x) => graph.elementwise('Mul', [x, x], x.shape)),
  unary('Elu', FLOAT(), (graph, x) => one(graph, 'Elu', x)),
  unary('Selu', FLOAT(), (graph, x) => one(graph, 'Selu', x)),
  unary<LeakyReluAttrs>('LeakyRelu', FLOAT(), (graph, x, { alpha }) => leakyRelu(graph, x, alpha)),
  unary('Relu6', FLOAT(), (graph, x) => clip(graph, x, 0, 6)),
  unary<ClipByValueAttrs>('ClipByValue', ['float32', 'int32'], (graph, x, attrs) =>
    clip(graph, x, attrs.clipValueMin, attrs.clipValueMax),
  ),
  unary('Rsqrt', FLOAT(), (graph, x) => one(graph, 'Reciprocal', one(graph, 'Sqrt', x))),
  unary('Tan', FLOAT(), tangent),
  unary('Expm1', FLOAT(), expm1),
  unary('Log1p', FLOAT(), log1p),
  unary('Step', FLOAT(), step),
  unary('IsNan', FLOAT(), (graph, x) => test(graph, 'IsNaN', x), 'bool'),
  unary('IsInf', FLOAT(), (graph, x) => test(graph, 'IsInf', x), 'bool'),
  unary('IsFinite', FLOAT(), isFinite, 'bool'),
  unary('LogicalNot', ['bool'], (graph, x) => one(graph, 'Not', x)),
  lower<CastAttrs>({
    kernel: 'Cast',
    inputs: ['x'],
    infer: ([x], { dtype }) => (isNumeric(dtype) ? [{ shape: x.shape, dtype }] : null),
    emit: (graph, [x], _attrs, [{ dtype }]) => [graph.cast(x, dtype)],
  }),
  {
    kernel: 'EluGrad',
    inputs: ['dy', 'y'],
    infer: floatLikeFirst,
    emit: (graph, [dy, y]) => [eluGradient(graph, dy, y)],
  },
];

/** What a fused kernel does after its product: bias, then activation. */
export interface Epilogue {
  readonly activation?: string;
  readonly leakyreluAlpha?: number;
}

/** Applies the activation of a fused kernel; `slopes` is prelu's input. */
export function activate(
  graph: GraphBuilder,
  x: Value,
  { activation, leakyreluAlpha = 0.2 }: Epilogue,
  slopes: Value | undefined,
): Value {
  switch (activation) {
    case undefined:
    case 'linear':
      return x;
    case 'relu':
      return relu(graph, x);
    case 'relu6':
      return clip(graph, x, 0, 6);
    case 'elu':
      return one(graph, 'Elu', x);
    case 'sigmoid':
      return one(graph, 'Sigmoid', x);
    case 'leakyrelu':
      return leakyRelu(graph, x, leakyreluAlpha);
    case 'prelu':
      if (slopes !== undefined) return prelu(graph, x, slopes);
  }
  throw new Error(`Unknown activation ${activation}.`);
}

/** Whether `activate` knows the activation. */
export function isKnownActivation(activation: string | undefined): boolean {
  const known = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'];
  return activation === undefined || known.includes(activation);
}

/** `x` where it is positive, `slopes * x` elsewhere; NaN slopes do not leak. */
export function prelu(graph: GraphBuilder, x: Value, slopes: Value): Value {
  const scaled = graph.elementwise('Mul', [x, slopes], x.shape);
  const negative = graph.elementwise('Less', [x, graph.scalar(0)], x.shape, {}, 'bool');
  return graph.elementwise('Where', [negative, scaled, x], x.shape, {}, 'float32');
}

type Emit<A> = (graph: GraphBuilder, x: Value, attrs: A) => Value;

function FLOAT(): NumericType[] {
  return ['float32'];
}

function unary<A extends object>(
  kernel: string,
  types: NumericType[],
  emit: Emit<A>,
  result?: NumericType,
): Lowering {
  return lower<A>({
    kernel,
    inputs: ['x'],
    infer: ([x]) =>
      types.includes(x.dtype) ? [{ shape: x.shape, dtype: result ?? x.dtype }] : null,
    emit: (graph, [x], attrs) => [emit(graph, x, attrs)],
  });
}

function floatLikeFirst(inputs: Operands): OutputSpec[] | null {
  return inputs.every(({ dtype }) => dtype === 'float32')
    ? [{ shape: inputs[0].shape, dtype: 'float32' }]
    : null;
}

function one(
  graph: GraphBuilder,
  op: string,
  x: Value,
  attributes: Record<string, Attribute> = {},
): Value {
  return graph.elementwise(op, [x], x.shape, attributes);
}

function test(graph: GraphBuilder, op: string, x: Value): Value {
  return graph.elementwise(op, [x], x.shape, {}, 'bool');
}

function isFinite(graph: GraphBuilder, x: Value): Value {
  const outside = [test(graph, 'IsNaN', x), test(graph, 'IsInf', x)];
  return one(graph, 'Not', graph.elementwise('Or', outside, x.shape));
}

function relu(graph: GraphBuilder, x: Value): Value {
  const known = graph.reluOf.get(x);
  if (known !== undefined) return known;
  const result = addReluToConvolution(graph, x) ?? one(graph, 'Relu', x);
  graph.reluOf.set(x, result);
  return result;
}

/** 0 for NaN, unlike ONNX's Sign. */
function sign(graph: GraphBuilder, x: Value): Value {
  const [positive, negative] = ['Greater', 'Less'].map((op) =>
    graph.cast(isSide(graph, op, x), x.type),
  );
  return graph.elementwise('Sub', [positive, negative], x.shape);
}

/** 1 where x > 0, alpha elsewhere, NaN where x is NaN. */
function step(graph: GraphBuilder, x: Value, { alpha }: StepAttrs): Value {
  // The mask of a relu's gradient: relu(x) > 0 exactly where x > 0. Reading the relu instead of
  // x leaves x with one reader, so that it fuses into its producer; and where x is NaN, the
  // forward pass has said so already.
  const known = graph.reluOf.get(x);
  if (known !== undefined && alpha === 0) {
    const mask = graph.cast(isSide(graph, 'Greater', known), 'float32');
    graph.reluOfMask.set(mask, known);
    return mask;
  }
  const levels = [isSide(graph, 'Greater', x), graph.scalar(1), graph.scalar(alpha)];
  const result = graph.elementwise('Where', levels, x.shape, {}, 'float32');
  const isNaN = test(graph, 'IsNaN', x);
  return graph.elementwise('Where', [isNaN, x, result], x.shape, {}, 'float32');
}

/**
 * The product of a max pool's gradient with the mask of the relu before that pool, or null when
 * it is another product. The pooled values tell the same as the mask and are fewer.
 */
export function maskPoolGradient(graph: GraphBuilder, a: Value, b: Value): Value | null {
  const gradient = graph.poolGradients.get(a) ?? graph.poolGradients.get(b);
  const relu = graph.reluOfMask.get(a) ?? graph.reluOfMask.get(b);
  if (gradient === undefined || gradient.x !== relu) return null;
  const { pooled, dy } = gradient;
  const mask = graph.cast(isSide(graph, 'Greater', pooled), 'float32');
  return gradient.remake(graph.elementwise('Mul', [dy, mask], dy.shape));
}

function isSide(graph: GraphBuilder, op: string, x: Value): Value {
  return graph.elementwise(op, [x, graph.scalar(0, x.type)], x.shape, {}, 'bool');
}

function leakyRelu(graph: GraphBuilder, x: Value, alpha: number): Value {
  return one(graph, 'LeakyRelu', x, { alpha: { float: alpha } });
}

function clip(graph: GraphBuilder, x: Value, low: number, high: number): Value {
  const bounds = [graph.scalar(low, x.type), graph.scalar(high, x.type)];
  return graph.elementwise('Clip', [x, ...bounds], x.shape);
}

function eluGradient(graph: GraphBuilder, dy: Value, y: Value): Value {
  const slope = graph.elementwise('Add', [y, graph.scalar(1)], y.shape);
  const capped = graph.elementwise('Min', [slope, graph.scalar(1)], y.shape);
  return graph.elementwise('Mul', [dy, capped], y.shape);
}

/** By way of float64: near the poles the last bit of x moves the result by much. */
function tangent(graph: GraphBuilder, x: Value): Value {
  const wide = graph.cast(x, 'float64');
  const [sine, cosine] = ['Sin', 'Cos'].map((op) => one(graph, op, wide));
  return graph.cast(graph.elementwise('Div', [sine, cosine], x.shape), 'float32');
}

/** exp(x) - 1 without cancellation: 2t / (1 - t) with t = tanh(x / 2) near zero. */
function expm1(graph: GraphBuilder, x: Value): Value {
  const number = (value: number) => graph.scalar(value);
  const binary = (op: string, a: Value, b: Value) => graph.elementwise(op, [a, b], x.shape);
  const t = one(graph, 'Tanh', binary('Mul', x, number(0.5)));
  const near = binary('Div', binary('Mul', t, number(2)), binary('Sub', number(1), t));
  const far = binary('Sub', one(graph, 'Exp', x), number(1));
  return chooseNear(graph, x, 0.5, near, far);
}

/** log(1 + x) without cancellation: 2 atanh(x / (2 + x)) near zero. */
function log1p(graph: GraphBuilder, x: Value): Value {
  const number = (value: number) => graph.scalar(value);
  const binary = (op: string, a: Value, b: Value) => graph.elementwise(op, [a, b], x.shape);
  const ratio = binary('Div', x, binary('Add', x, number(2)));
  const near = binary('Mul', one(graph, 'Atanh', ratio), number(2));
  const far = one(graph, 'Log', binary('Add', x, number(1)));
  return chooseNear(graph, x, 0.5, near, far);
}

function chooseNear(graph: GraphBuilder, x: Value, limit: number, near: Value, far: Value): Value {
  const size = one(graph, 'Abs', x);
  const isNear = graph.elementwise('Less', [size, graph.scalar(limit)], x.shape, {}, 'bool');
  return graph.elementwise('Where', [isNear, near, far], x.shape, {}, 'float32');
}
