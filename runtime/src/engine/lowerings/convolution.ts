import { backend_util } from '@tensorflow/tfjs-core';
import type {
  Conv2DAttrs,
  Conv2DBackpropFilterAttrs,
  Conv2DBackpropInputAttrs,
  DepthwiseConv2dNativeAttrs,
  DepthwiseConv2dNativeBackpropFilterAttrs,
  DepthwiseConv2dNativeBackpropInputAttrs,
} from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { Value } from '../onnx/value.ts';
import { activate, isKnownActivation } from './elementwise.ts';
import type { Epilogue } from './elementwise.ts';
import { lower } from './lowering.ts';
import type { Lowering, Operands, OutputSpec } from './lowering.ts';
import { blockedConvolution, blockedInputGradient } from './blockedConvolution.ts';
import { addBiasToConvolution } from './convolutionFusion.ts';
import { geometry, type ConvInfo } from './convolutionGeometry.ts';
import { filterGradient } from './filterGradient.ts';
import { slice } from './shape.ts';

/** Two-dimensional convolutions, plain and depthwise, and their gradients. */
export const CONVOLUTIONS: Lowering[] = [
  lower<Conv2DAttrs>({
    kernel: 'Conv2D',
    inputs: ['x', 'filter'],
    infer: (inputs, attrs) =>
      forwardSpec(inputs, convInfo(inputs[0].shape, inputs[1].shape, attrs)),
    emit: (graph, [x, filter], attrs) => [
      convolution(graph, x, filter, convInfo(x.shape, filter.shape, attrs)),
    ],
  }),
  lower<DepthwiseConv2dNativeAttrs>({
    kernel: 'DepthwiseConv2dNative',
    inputs: ['x', 'filter'],
    infer: (inputs, attrs) =>
      forwardSpec(inputs, depthwiseInfo(inputs[0].shape, inputs[1].shape, attrs)),
    emit: (graph, [x, filter], attrs) => [
      convolution(graph, x, filter, depthwiseInfo(x.shape, filter.shape, attrs)),
    ],
  }),
  fused('FusedConv2D', convInfo),
  fused('FusedDepthwiseConv2D', depthwiseInfo),
  lower<Conv2DBackpropInputAttrs>({
    kernel: 'Conv2DBackpropInput',
    inputs: ['dy', 'filter'],
    infer: (inputs, attrs) =>
      inputGradientSpec(inputs, convInfo(attrs.inputShape, inputs[1].shape, attrs)),
    emit: (graph, [dy, filter], attrs) => [
      inputGradient(graph, dy, filter, convInfo(attrs.inputShape, filter.shape, attrs)),
    ],
  }),
  lower<DepthwiseConv2dNativeBackpropInputAttrs>({
    kernel: 'DepthwiseConv2dNativeBackpropInput',
    inputs: ['dy', 'filter'],
    infer: (inputs, attrs) =>
      inputGradientSpec(inputs, depthwiseInfo(attrs.inputShape, inputs[1].shape, attrs)),
    emit: (graph, [dy, filter], attrs) => [
      inputGradient(graph, dy, filter, depthwiseInfo(attrs.inputShape, filter.shape, attrs)),
    ],
  }),
  lower<Conv2DBackpropFilterAttrs>({
    kernel: 'Conv2DBackpropFilter',
    inputs: ['x', 'dy'],
    infer: (inputs, attrs) =>
      filterGradientSpec(inputs, convInfo(inputs[0].shape, attrs.filterShape, attrs)),
    emit: (graph, [x, dy], attrs) => [
      filterGradient(graph, x, dy, convInfo(x.shape, attrs.filterShape, attrs)),
    ],
  }),
  lower<DepthwiseConv2dNativeBackpropFilterAttrs>({
    kernel: 'DepthwiseConv2dNativeBackpropFilter',
    inputs: ['x', 'dy'],
    infer: (inputs, attrs) =>
      filterGradientSpec(inputs, depthwiseInfo(inputs[0].shape, attrs.filterShape, attrs)),
    emit: (graph, [x, dy], attrs) => [
      filterGradient(graph, x, dy, depthwiseInfo(x.shape, attrs.filterShape, attrs)),
    ],
  }),
];

function fused(kernel: string, infoOf: typeof convInfo): Lowering {
  return lower<ConvolutionAttrs & Epilogue>({
    kernel,
    inputs: ['x', 'filter', 'bias', 'preluActivationWeights'],
    infer: (inputs, attrs) =>
      isKnownActivation(attrs.activation)
        ? forwardSpec(inputs, infoOf(inputs[0].shape, inputs[1].shape, attrs))
        : null,
    emit(graph, inputs, attrs) {
      const [x, filter] = inputs;
      const bias = inputs.at(2);
      let result = convolution(graph, x, filter, infoOf(x.shape, filter.shape, attrs));
      if (bias !== undefined) {
        result =
          addBiasToConvolution(graph, result, bias) ??
          graph.elementwise('Add', [result, bias], result.shape);
      }
      return [activate(graph, result, attrs, inputs.at(3))];
    },
  });
}

/** What the convolution kernels have in common; gradients lack some. */
type ConvolutionAttrs = Pick<Conv2DAttrs, 'strides' | 'pad' | 'dimRoundingMode'> &
  Partial<Pick<Conv2DAttrs, 'dilations' | 'dataFormat'>>;

function convInfo(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: ConvolutionAttrs,
): ConvInfo {
  const info = backend_util.computeConv2DInfo(
    inputShape as FourNumbers,
    filterShape as FourNumbers,
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    false,
    backend_util.convertConv2DDataFormat(attrs.dataFormat ?? 'NHWC'),
  );
  return { ...info, groups: 1, depthwise: false };
}

function depthwiseInfo(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: ConvolutionAttrs,
): ConvInfo {
  const info = backend_util.computeConv2DInfo(
    inputShape as FourNumbers,
    filterShape as FourNumbers,
    attrs.strides,
    attrs.dilations ?? attrs.strides,
    attrs.pad,
    attrs.dimRoundingMode,
    true,
  );
  return { ...info, groups: info.inChannels, depthwise: true };
}

type FourNumbers = [number, number, number, number];

/** Graphs keep images as tfjs's default NHWC; other layouts are rare enough for the fallback. */
function isLowered(inputs: Operands, info: ConvInfo): boolean {
  return info.dataFormat === 'channelsLast' && inputs.every(({ dtype }) => dtype === 'float32');
}

function forwardSpec(inputs: Operands, info: ConvInfo): OutputSpec[] | null {
  return isLowered(inputs, info) ? [{ shape: info.outShape, dtype: 'float32' }] : null;
}

function inputGradientSpec(inputs: Operands, info: ConvInfo): OutputSpec[] | null {
  return isLowered(inputs, info) ? [{ shape: info.inShape, dtype: 'float32' }] : null;
}

function filterGradientSpec(inputs: Operands, info: ConvInfo): OutputSpec[] | null {
  return isLowered(inputs, info) ? [{ shape: info.filterShape, dtype: 'float32' }] : null;
}

function convolution(graph: GraphBuilder, x: Value, filter: Value, info: ConvInfo): Value {
  const blocked = blockedConvolution(graph, x, filter, info);
  if (blocked !== null) return blocked;
  const window = geometry(info);
  let image = graph.channelsFirst(x);
  if (isAsLargeAsImage(info)) {
    image = surrounded(graph, image, info);
    window.pads = [0, 0, 0, 0];
  }
  const inputs = [image, channelsFirstFilter(graph, filter, info)];
  const [channelsFirst] = graph.raw('Conv', inputs, { ...window, group: info.groups });
  return new Value('float32', info.outShape, { channelsFirst });
}

/** On WebGPU ONNX Runtime forgets the padding of an image that is as large as the filter. */
function isAsLargeAsImage({ filterHeight, inHeight, filterWidth, inWidth, padInfo }: ConvInfo) {
  return filterHeight === inHeight && filterWidth === inWidth && padInfo.bottom + padInfo.right > 0;
}

/** Zeros around an image with channels first. `Pad` would be merged into the convolution again. */
function surrounded(graph: GraphBuilder, image: string, info: ConvInfo): string {
  const { top, bottom, left, right } = info.padInfo;
  const shape = [info.batchSize, info.inChannels, info.inHeight, info.inWidth];
  let result = image;
  for (const [axis, before, after] of [
    [2, top, bottom],
    [3, left, right],
  ]) {
    const zeros = (size: number) =>
      size === 0 ? [] : [graph.rows(graph.filled(shape.with(axis, size), 0))];
    [result] = graph.raw('Concat', [...zeros(before), result, ...zeros(after)], { axis });
    shape[axis] += before + after;
  }
  return result;
}

/** Gradient with respect to the input: in blocks, else as a transposed convolution. */
function inputGradient(graph: GraphBuilder, dy: Value, filter: Value, info: ConvInfo): Value {
  const blocked = blockedInputGradient(graph, dy, filter, info);
  if (blocked !== null) return blocked;
  if (info.depthwise && filter.shape[3] > 1) return sumOfMultiples(graph, dy, filter, info);
  const inputs = [graph.channelsFirst(dy), channelsFirstFilter(graph, filter, info)];
  const { top, bottom, left, right } = info.padInfo;
  const rest = (size: number, out: number, stride: number, filterSize: number, pads: number) =>
    size - ((out - 1) * stride + filterSize - pads);
  const [channelsFirst] = graph.raw('ConvTranspose', inputs, {
    ...geometry(info),
    group: info.groups,
    output_padding: [
      rest(
        info.inHeight,
        info.outHeight,
        info.strideHeight,
        info.effectiveFilterHeight,
        top + bottom,
      ),
      rest(info.inWidth, info.outWidth, info.strideWidth, info.effectiveFilterWidth, left + right),
    ],
  });
  return new Value('float32', info.inShape, { channelsFirst });
}

/**
 * The gradient of a depthwise convolution with several filters a channel, one after the other: on
 * WebGPU ONNX Runtime's transposed convolution is wrong for groups of several channels.
 */
function sumOfMultiples(graph: GraphBuilder, dy: Value, filter: Value, info: ConvInfo): Value {
  const [height, width, channels, multiplier] = filter.shape;
  const image = dy.shape.slice(0, 3);
  const split = graph.reshape(dy, [...image, channels, multiplier]);
  const part = (value: Value, index: number): Value => {
    const starts = value.shape.map((_, axis) => (axis === value.rank - 1 ? index : 0));
    const shape = value.shape.with(-1, 1);
    const ends = value.shape.with(-1, index + 1);
    return slice(graph, value, starts, ends, [...shape].fill(1), shape);
  };
  const single = { ...info, outChannels: channels };
  const gradients = Array.from({ length: multiplier }, (_, index) => {
    const own = graph.reshape(part(split, index), [...image, channels]);
    const filters = graph.reshape(part(filter, index), [height, width, channels, 1]);
    return inputGradient(graph, own, filters, single);
  });
  return gradients.reduce((sum, next) => graph.elementwise('Add', [sum, next], info.inShape));
}

/** [height, width, in, out] as [out, in, height, width]; depthwise as [in * multiplier, 1, ...]. */
function channelsFirstFilter(graph: GraphBuilder, filter: Value, info: ConvInfo): string {
  if (!info.depthwise) return graph.rows(graph.transpose(filter, [3, 2, 0, 1]));
  const [height, width, channels, multiplier] = filter.shape;
  const moved = graph.transpose(filter, [2, 3, 0, 1]);
  return graph.rows(graph.reshape(moved, [channels * multiplier, 1, height, width]));
}
