import { backend_util, util } from '@tensorflow/tfjs-core';
import type { ConcatAttrs, PackAttrs, SplitVAttrs, UnpackAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** Kernels that join tensors or take them apart. */
export const JOINS: Lowering[] = [
  lower<ConcatAttrs>({
    kernel: 'Concat',
    inputs: 'list',
    infer(inputs, attrs) {
      const [axis] = util.parseAxisParam(attrs.axis, inputs[0].shape);
      if (inputs.some(({ dtype }) => dtype !== inputs[0].dtype)) return null;
      const shapes = inputs.map((input) => input.shape);
      backend_util.assertParamsConsistent(shapes, axis);
      const shape = backend_util.computeOutShape(shapes, axis);
      return [{ shape, dtype: inputs[0].dtype }];
    },
    emit(graph, inputs, attrs, [{ shape }]) {
      const [axis] = util.parseAxisParam(attrs.axis, inputs[0].shape as number[]);
      return [inputs.length === 1 ? inputs[0] : graph.op('Concat', inputs, shape, { axis })];
    },
  }),
  lower<PackAttrs>({
    kernel: 'Pack',
    inputs: 'list',
    infer(inputs, { axis }) {
      const { shape, dtype } = inputs[0];
      for (const input of inputs) {
        if (input.dtype !== dtype) return null;
        util.assertShapesMatch(shape, input.shape, 'All tensors passed to stack must match: ');
      }
      const at = axis < 0 ? axis + shape.length + 1 : axis;
      return [{ shape: shape.toSpliced(at, 0, inputs.length), dtype }];
    },
    emit(graph, inputs, attrs, [{ shape }]) {
      const axis = attrs.axis < 0 ? attrs.axis + shape.length : attrs.axis;
      const single = shape.with(axis, 1);
      const parts = inputs.map((input) => graph.reshape(input, single));
      return [parts.length === 1 ? parts[0] : graph.op('Concat', parts, shape, { axis })];
    },
  }),
  lower<SplitVAttrs>({
    kernel: 'SplitV',
    inputs: ['x'],
    many: true,
    infer([x], { numOrSizeSplits, axis }) {
      const [along] = util.parseAxisParam(axis, x.shape);
      const sizes = backend_util.prepareSplitSize(x as never, numOrSizeSplits, along);
      return sizes.map((size) => ({ shape: x.shape.with(along, size), dtype: x.dtype }));
    },
    emit(graph, [x], { axis }, outputs) {
      const [along] = util.parseAxisParam(axis, x.shape as number[]);
      return split(
        graph,
        x,
        along,
        outputs.map(({ shape }) => shape[along]),
      );
    },
  }),
  lower<UnpackAttrs>({
    kernel: 'Unpack',
    inputs: ['value'],
    many: true,
    infer([value], { axis }) {
      const along = axis < 0 ? axis + value.shape.length : axis;
      const shape = value.shape.toSpliced(along, 1);
      return Array.from({ length: value.shape[along] }, () => ({ shape, dtype: value.dtype }));
    },
    emit(graph, [value], { axis }, outputs) {
      const along = axis < 0 ? axis + value.rank : axis;
      const parts = split(
        graph,
        value,
        along,
        outputs.map(() => 1),
      );
      return parts.map((part, index) => graph.reshape(part, outputs[index].shape));
    },
  }),
  {
    kernel: 'AddN',
    inputs: 'list',
    infer: (inputs) =>
      inputs.every(({ dtype }) => dtype === 'float32' || dtype === 'int32') ? [inputs[0]] : null,
    emit: (graph, [first, ...rest]) => [
      rest.reduce((sum, input) => graph.elementwise('Add', [sum, input], first.shape), first),
    ],
  },
];

function split(graph: GraphBuilder, x: Value, axis: number, sizes: readonly number[]): Value[] {
  if (sizes.length === 1) return [x];
  const names = graph.raw(
    'Split',
    [graph.rows(x), graph.ints(sizes)],
    { axis },
    { outputs: sizes.length },
  );
  return names.map((rows, index) => new Value(x.type, x.shape.with(axis, sizes[index]), { rows }));
}
