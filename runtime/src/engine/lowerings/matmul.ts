import { backend_util } from '@tensorflow/tfjs-core';
import type {
  _FusedMatMulAttrs,
  BatchMatMulAttrs,
  EinsumAttrs,
  Tensor,
} from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { broadcastShape } from '../onnx/value.ts';
import type { Value } from '../onnx/value.ts';
import { activate, isKnownActivation } from './elementwise.ts';
import type { Epilogue } from './elementwise.ts';
import { lower } from './lowering.ts';
import type { Lowering, Operands, OutputSpec } from './lowering.ts';

/** Matrix products. */
export const PRODUCTS: Lowering[] = [
  lower<BatchMatMulAttrs>({
    kernel: 'BatchMatMul',
    inputs: ['a', 'b'],
    infer: productSpec,
    emit: (graph, [a, b], attrs) => [product(graph, a, b, attrs)],
  }),
  lower<_FusedMatMulAttrs & Epilogue>({
    kernel: '_FusedMatMul',
    inputs: ['a', 'b', 'bias', 'preluActivationWeights'],
    infer: (inputs, attrs) =>
      isKnownActivation(attrs.activation) && inputs[0].dtype === 'float32'
        ? productSpec(inputs, attrs)
        : null,
    emit(graph, inputs, attrs) {
      const [a, b] = inputs;
      const bias = inputs.at(2);
      let result = product(graph, a, b, attrs);
      if (bias !== undefined) {
        result = graph.elementwise('Add', [result, bias], result.shape);
      }
      return [activate(graph, result, attrs, inputs.at(3))];
    },
  }),
  lower<EinsumAttrs>({
    kernel: 'Einsum',
    inputs: 'list',
    infer: (inputs, { equation }) => einsumSpec(inputs, equation),
    emit: (graph, inputs, { equation }, [{ shape }]) => [
      graph.op('Einsum', inputs, shape, { equation: equation.replaceAll(' ', '') }),
    ],
  }),
];

function productSpec([a, b]: Operands, attrs: BatchMatMulAttrs): OutputSpec[] | null {
  if (a.dtype === 'bool' || a.dtype !== b.dtype) return null;
  return [{ shape: productShape(a.shape, b.shape, attrs), dtype: a.dtype }];
}

function productShape(
  a: readonly number[],
  b: readonly number[],
  { transposeA, transposeB }: BatchMatMulAttrs,
): number[] {
  const sizes = (shape: readonly number[], transposed: boolean | undefined) =>
    transposed === true ? shape.slice(-2).reverse() : shape.slice(-2);
  const [rows, innerA] = sizes(a, transposeA);
  const [innerB, columns] = sizes(b, transposeB);
  if (a.length < 2 || b.length < 2 || innerA !== innerB) {
    throw new Error(
      `matMul: expected matrices with matching inner sizes, got [${a.join()}] and [${b.join()}] with transposeA=${transposeA} and transposeB=${transposeB}.`,
    );
  }
  return [...broadcastShape(a.slice(0, -2), b.slice(0, -2)), rows, columns];
}

function product(graph: GraphBuilder, a: Value, b: Value, attrs: BatchMatMulAttrs): Value {
  const shape = productShape(a.shape, b.shape, attrs);
  const transA = attrs.transposeA ? 1 : 0;
  const transB = attrs.transposeB ? 1 : 0;
  // Untransposed products stay MatMul: ONNX Runtime fuses that with a bias and a relu.
  if (transA + transB === 0) return graph.op('MatMul', [a, b], shape);
  if (a.type === 'int32') {
    const turned = (x: Value, turn: number) => (turn === 0 ? x : swapLast(graph, x));
    return graph.op('MatMul', [turned(a, transA), turned(b, transB)], shape);
  }
  if (shape.length === 2) return graph.op('Gemm', [a, b], shape, { transA, transB });
  return graph.op('FusedMatMul', [a, b], shape, { transA, transB }, { domain: 'com.microsoft' });
}

/** Transposes matrices: only the products of floats can do so on the way. */
function swapLast(graph: GraphBuilder, x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  const [rows, columns] = axes.slice(-2);
  return graph.transpose(x, [...axes.slice(0, -2), columns, rows]);
}

function einsumSpec(inputs: Operands, equation: string): OutputSpec[] | null {
  // tfjs's own parser decides what is refused, such as repeated indices of one operand.
  const { allDims, idDims } = backend_util.decodeEinsumEquation(equation, inputs.length);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, inputs as unknown as Tensor[]);
  if (inputs.some(({ dtype }) => dtype !== 'float32')) return null;
  const [left, right] = equation.replaceAll(' ', '').split('->');
  const sizes = new Map<string, number>();
  for (const [index, letters] of left.split(',').entries()) {
    for (const [axis, letter] of letters.split('').entries()) {
      sizes.set(letter, inputs[index].shape[axis]);
    }
  }
  return [{ shape: right.split('').map((letter) => sizes.get(letter) ?? 1), dtype: 'float32' }];
}
