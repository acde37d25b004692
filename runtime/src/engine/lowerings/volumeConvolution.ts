import { backend_util } from '@tensorflow/tfjs-core';
import type {
  Conv3DAttrs,
  Conv3DBackpropFilterV2Attrs,
  Conv3DBackpropInputV2Attrs,
} from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering, Operands, OutputSpec } from './lowering.ts';
import { slice } from './shape.ts';
import { fromChannelsFirst, padding, sizes, strides, toChannelsFirst } from './volumeGeometry.ts';

/** Three-dimensional convolution and its gradients. */
export const VOLUME_CONVOLUTIONS: Lowering[] = [
  lower<Conv3DAttrs>({
    kernel: 'Conv3D',
    inputs: ['x', 'filter'],
    infer: ([x, filter], attrs) =>
      float([x, filter], convInfo(x.shape, filter.shape, attrs).outShape),
    emit: (graph, [x, filter], attrs) => [
      convolution(graph, x, filter, convInfo(x.shape, filter.shape, attrs)),
    ],
  }),
  lower<Conv3DBackpropInputV2Attrs>({
    kernel: 'Conv3DBackpropInputV2',
    inputs: ['dy', 'filter'],
    infer: (inputs, { inputShape }) => float(inputs, inputShape),
    emit: (graph, [dy, filter], attrs) => [
      inputGradient(graph, dy, filter, convInfo(attrs.inputShape, filter.shape, attrs)),
    ],
  }),
  lower<Conv3DBackpropFilterV2Attrs>({
    kernel: 'Conv3DBackpropFilterV2',
    inputs: ['x', 'dy'],
    infer: (inputs, { filterShape }) => float(inputs, filterShape),
    emit: (graph, [x, dy], attrs) => [
      filterGradient(graph, x, dy, convInfo(x.shape, attrs.filterShape, attrs)),
    ],
  }),
];

type ConvInfo = backend_util.Conv3DInfo;
type FiveNumbers = [number, number, number, number, number];

/** [depth, height, width, in, out] with the channels in front, out before in. */
const FILTER_ORDER = [4, 3, 0, 1, 2];

function convInfo(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: Pick<Conv3DAttrs, 'strides' | 'pad'> & Partial<Pick<Conv3DAttrs, 'dilations'>>,
): ConvInfo {
  return backend_util.computeConv3DInfo(
    inputShape as FiveNumbers,
    filterShape as FiveNumbers,
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
  );
}

function float(inputs: Operands, shape: number[]): OutputSpec[] | null {
  return inputs.every(({ dtype }) => dtype === 'float32') ? [{ shape, dtype: 'float32' }] : null;
}

function convolution(graph: GraphBuilder, x: Value, filter: Value, info: ConvInfo): Value {
  const operands = [toChannelsFirst(graph, x), graph.transpose(filter, FILTER_ORDER)];
  const shape = [info.batchSize, info.outChannels, info.outDepth, info.outHeight, info.outWidth];
  return fromChannelsFirst(graph, graph.op('Conv', operands, shape, geometry(info)));
}

function inputGradient(graph: GraphBuilder, dy: Value, filter: Value, info: ConvInfo): Value {
  const operands = [toChannelsFirst(graph, dy), graph.transpose(filter, FILTER_ORDER)];
  const shape = [info.batchSize, info.inChannels, info.inDepth, info.inHeight, info.inWidth];
  const { input, window, output } = sizes(info);
  const { before, after } = padding(info);
  const steps = strides(info);
  // What the strides step over at the end gets no gradient, and no output would cover it.
  const missing = input.map(
    (size, axis) =>
      size - ((output[axis] - 1) * steps[axis] + window[axis] - before[axis] - after[axis]),
  );
  const attributes = { ...geometry(info), output_padding: missing };
  return fromChannelsFirst(graph, graph.op('ConvTranspose', operands, shape, attributes));
}

/** A convolution of the input with the gradient, where the batch takes the part of the channels. */
function filterGradient(graph: GraphBuilder, x: Value, dy: Value, info: ConvInfo): Value {
  const batchAsChannels = [4, 0, 1, 2, 3];
  const operands = [x, dy].map((value) => graph.transpose(value, batchAsChannels));
  const { input, window, output } = sizes(info);
  const { before } = padding(info);
  const steps = strides(info);
  const reach = output.map((size, axis) => (size - 1) * steps[axis] + window[axis]);
  const after = reach.map((size, axis) => Math.max(0, size - input[axis] - before[axis]));
  // Rows that the strides leave over make the result longer than the filter.
  const taps = input.map(
    (size, axis) => size + before[axis] + after[axis] - (output[axis] - 1) * steps[axis],
  );
  const shape = [info.inChannels, info.outChannels, ...taps];
  const all = graph.op('Conv', operands, shape, {
    kernel_shape: output,
    dilations: steps,
    pads: [...before, ...after],
  });
  const zeros = shape.map(() => 0);
  const ends = [info.inChannels, info.outChannels, ...window];
  const exact = slice(
    graph,
    all,
    zeros,
    ends,
    ends.map(() => 1),
    ends,
  );
  return graph.transpose(exact, [2, 3, 4, 0, 1]);
}

function geometry(info: ConvInfo) {
  const { before, after } = padding(info);
  return {
    kernel_shape: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: strides(info),
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    pads: [...before, ...after],
  };
}
