import type { CumprodAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';
import { pad } from './shape.ts';

/** Products of all elements up to each: ONNX has only the sums. */
export const CUMULATIVE_PRODUCTS: Lowering[] = [
  lower<CumprodAttrs>({
    kernel: 'Cumprod',
    inputs: ['x'],
    infer: ([x]) => (x.dtype === 'bool' || x.shape.length === 0 ? null : [x]),
    emit(graph, [x], { axis, exclusive, reverse }) {
      const along = axis < 0 ? axis + x.rank : axis;
      const shifted = (value: Value, by: number) => shift(graph, value, along, reverse ? -by : by);
      let product = exclusive ? shifted(x, 1) : x;
      // Each pass doubles the stretch that a product covers.
      for (let reach = 1; reach < x.shape[along]; reach *= 2) {
        product = graph.op('Mul', [product, shifted(product, reach)], x.shape);
      }
      return [product];
    },
  }),
];

/** The elements `by` places further along an axis, ones where there was none. */
function shift(graph: GraphBuilder, x: Value, axis: number, by: number): Value {
  const margins = x.shape.map((_, index) => (index === axis ? [by, -by] : [0, 0]));
  return pad(graph, x, margins, x.shape, 'constant', graph.scalar(1, x.type));
}
