import { backend_util } from '@tensorflow/tfjs-core';
import type { AvgPool3DAttrs, AvgPool3DGradAttrs, MaxPool3DGradAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering, Operand, OutputSpec } from './lowering.ts';
import { pad, slice } from './shape.ts';
import { fromChannelsFirst, padding, sizes, strides, toChannelsFirst } from './volumeGeometry.ts';
import type { VolumeInfo } from './volumeGeometry.ts';

/** Pooling over three dimensions and its gradients. */
export const VOLUME_POOLS: Lowering[] = [
  forward('MaxPool3D', 'MaxPool'),
  forward('AvgPool3D', 'AveragePool'),
  lower<MaxPool3DGradAttrs>({
    kernel: 'MaxPool3DGrad',
    inputs: ['dy', 'input', 'output'],
    infer: ([, input]) => (input.dtype === 'float32' ? [input] : null),
    emit: (graph, [dy, input, output], attrs) => [
      maxPoolGradient(graph, { dy, input, output }, poolInfo(input.shape, attrs)),
    ],
  }),
  lower<AvgPool3DGradAttrs>({
    kernel: 'AvgPool3DGrad',
    inputs: ['dy', 'input'],
    infer: ([, input]) => (input.dtype === 'float32' ? [input] : null),
    emit: (graph, [dy, input], attrs) => [
      averagePoolGradient(graph, dy, poolInfo(input.shape, attrs)),
    ],
  }),
];

type PoolAttrs = Omit<AvgPool3DAttrs, 'dataFormat'>;

function forward(kernel: string, op: string): Lowering {
  return lower<PoolAttrs>({
    kernel,
    inputs: ['x'],
    infer: ([x], attrs) => pooled(x, poolInfo(x.shape, attrs)),
    emit(graph, [x], attrs) {
      const info = poolInfo(x.shape, attrs);
      const shape = [info.batchSize, info.inChannels, ...sizes(info).output];
      const result = graph.op(op, [toChannelsFirst(graph, x)], shape, geometry(info));
      return [fromChannelsFirst(graph, result)];
    },
  });
}

function poolInfo(shape: readonly number[], attrs: PoolAttrs): VolumeInfo {
  return backend_util.computePool3DInfo(
    shape as [number, number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
}

function pooled(x: Operand, { outShape }: VolumeInfo): OutputSpec[] | null {
  return x.dtype === 'float32' ? [{ shape: outShape, dtype: 'float32' }] : null;
}

function geometry(info: VolumeInfo) {
  const { before, after } = padding(info);
  return {
    kernel_shape: sizes(info).window,
    strides: strides(info),
    pads: [...before, ...after],
  };
}

/** Spreads each gradient evenly over its window; tfjs divides by the full window at edges too. */
function averagePoolGradient(graph: GraphBuilder, dy: Value, info: VolumeInfo): Value {
  const { input, window, output } = sizes(info);
  const { before, after } = padding(info);
  const steps = strides(info);
  const volumes = info.batchSize * info.inChannels;
  const planes = graph.reshape(toChannelsFirst(graph, dy), [volumes, 1, ...output]);
  const count = window[0] * window[1] * window[2];
  const weights = graph.filled([1, 1, ...window], 1 / count);
  const missing = input.map(
    (size, axis) =>
      size - ((output[axis] - 1) * steps[axis] + window[axis] - before[axis] - after[axis]),
  );
  const spread = graph.op('ConvTranspose', [planes, weights], [volumes, 1, ...input], {
    ...geometry(info),
    output_padding: missing,
  });
  const shape = [info.batchSize, info.inChannels, ...input];
  return fromChannelsFirst(graph, graph.reshape(spread, shape));
}

/**
 * Each gradient goes to the last of the largest elements of its window, as on `cpu`: tap by tap
 * from the end, to those that equal the result and have not been served.
 */
function maxPoolGradient(
  graph: GraphBuilder,
  { dy, input, output }: { dy: Value; input: Value; output: Value },
  info: VolumeInfo,
): Value {
  const { before, after } = padding(info);
  const margins = [[0, 0], ...before.map((size, axis) => [size, after[axis]]), [0, 0]];
  const wide = input.shape.map((size, axis) => size + margins[axis][0] + margins[axis][1]);
  const volume = pad(graph, input, margins, wide, 'constant', graph.scalar(-Infinity));
  const test = (op: string, inputs: Value[]) =>
    graph.op(op, inputs, dy.shape, {}, { type: 'bool' });
  let served: Value | undefined;
  let total: Value | undefined;
  for (const tap of taps(sizes(info).window).reverse()) {
    const largest = test('Equal', [tapOf(graph, volume, tap, info), output]);
    const chosen = served === undefined ? largest : test('And', [largest, test('Not', [served])]);
    served = served === undefined ? largest : test('Or', [served, largest]);
    const parts = [chosen, dy, graph.scalar(0)];
    const share = graph.op('Where', parts, dy.shape, {}, { type: 'float32' });
    const placed = placeTap(graph, share, tap, info);
    total = total === undefined ? placed : graph.op('Add', [total, placed], input.shape);
  }
  if (total === undefined) throw new Error('A pooling window without elements.');
  return total;
}

function taps([depth, height, width]: readonly number[]): number[][] {
  return Array.from({ length: depth * height * width }, (_, index) => [
    Math.floor(index / (height * width)),
    Math.floor(index / width) % height,
    index % width,
  ]);
}

/** The element that one tap of each window meets. */
function tapOf(graph: GraphBuilder, volume: Value, tap: number[], info: VolumeInfo): Value {
  const steps = strides(info);
  const ends = sizes(info).output.map((size, axis) => tap[axis] + (size - 1) * steps[axis] + 1);
  const [batch, channels] = [info.batchSize, info.inChannels];
  return slice(
    graph,
    volume,
    [0, ...tap, 0],
    [batch, ...ends, channels],
    [1, ...steps, 1],
    info.outShape,
  );
}

/** The reverse: one element per window, at its tap's place in a volume of zeros. */
function placeTap(graph: GraphBuilder, share: Value, tap: number[], info: VolumeInfo): Value {
  const steps = strides(info);
  const { input, output } = sizes(info);
  const { before } = padding(info);
  const [batch, channels] = [info.batchSize, info.inChannels];
  const single = [batch, ...output.flatMap((size) => [size, 1]), channels];
  const gaps = [
    [0, 0],
    ...steps.flatMap((step) => [
      [0, 0],
      [0, step - 1],
    ]),
    [0, 0],
  ];
  const apart = [batch, ...output.flatMap((size, axis) => [size, steps[axis]]), channels];
  const zero = graph.scalar(0);
  const spaced = pad(graph, graph.reshape(share, single), gaps, apart, 'constant', zero);
  const stretched = output.map((size, axis) => size * steps[axis]);
  const sparse = graph.reshape(spaced, [batch, ...stretched, channels]);
  // Negative amounts cut off: gaps after the last window, and what lies in the padding.
  const shifts = tap.map((at, axis) => {
    const start = at - before[axis];
    return [start, input[axis] - stretched[axis] - start];
  });
  const margins = [[0, 0], ...shifts, [0, 0]];
  return pad(graph, sparse, margins, [batch, ...input, channels], 'constant', zero);
}
