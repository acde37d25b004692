import { backend_util } from '@tensorflow/tfjs-core';
import type {
  AvgPoolAttrs,
  AvgPoolGradAttrs,
  MaxPoolAttrs,
  MaxPoolGradAttrs,
} from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering, OutputSpec } from './lowering.ts';
import { isHalving, maxPoolGradient, maxPoolInHalves } from './maxPoolGradient.ts';
import { geometry, pool, type PoolInfo } from './poolGeometry.ts';

/** Pooling over two dimensions and its gradients. */
export const POOLS: Lowering[] = [
  lower<MaxPoolAttrs>({
    kernel: 'MaxPool',
    inputs: ['x'],
    infer: ([x], attrs) => (x.dtype === 'float32' ? [pooled(poolInfo(x.shape, attrs))] : null),
    emit: (graph, [x], attrs) => [maxPool(graph, x, poolInfo(x.shape, attrs))],
  }),
  lower<MaxPoolGradAttrs>({
    kernel: 'MaxPoolGrad',
    inputs: ['dy', 'input', 'output'],
    infer: ([, input]) => (input.dtype === 'float32' ? [input] : null),
    emit(graph, [dy, input], attrs) {
      const info = poolInfo(input.shape, attrs);
      const remake = (gradient: Value) => maxPoolGradient(graph, gradient, input, info);
      const result = remake(dy);
      graph.poolGradients.set(result, {
        x: input,
        pooled: maxPool(graph, input, info),
        dy,
        remake,
      });
      return [result];
    },
  }),
  lower<AvgPoolAttrs>({
    kernel: 'AvgPool',
    inputs: ['x'],
    infer: ([x], attrs) => (x.dtype === 'float32' ? [pooled(poolInfo(x.shape, attrs))] : null),
    emit(graph, [x], attrs) {
      const info = poolInfo(x.shape, attrs);
      return [pool(graph, 'AveragePool', x, geometry(info), info.outShape)];
    },
  }),
  lower<AvgPoolGradAttrs>({
    kernel: 'AvgPoolGrad',
    inputs: ['dy', 'input'],
    infer: ([, input]) => (input.dtype === 'float32' ? [input] : null),
    emit: (graph, [dy, input], attrs) => [
      averagePoolGradient(graph, dy, poolInfo(input.shape, attrs)),
    ],
  }),
];

function poolInfo(shape: readonly number[], attrs: MaxPoolAttrs): PoolInfo {
  return backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
}

function pooled({ outShape }: PoolInfo): OutputSpec {
  return { shape: outShape, dtype: 'float32' };
}

function maxPool(graph: GraphBuilder, x: Value, info: PoolInfo): Value {
  if (isHalving(info)) return maxPoolInHalves(graph, x).whole;
  return pool(graph, 'MaxPool', x, geometry(info), info.outShape);
}

/** Spreads each gradient evenly over its window; tfjs divides by the full window at edges too. */
function averagePoolGradient(graph: GraphBuilder, dy: Value, info: PoolInfo): Value {
  const { batchSize, inChannels, inHeight, inWidth, outHeight, outWidth } = info;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  const planes = graph.view(
    graph.channelsFirst(dy),
    [batchSize * inChannels, 1, outHeight, outWidth],
    'float32',
  );
  const weights = graph.filled([1, 1, filterHeight, filterWidth], 1 / (filterHeight * filterWidth));
  const { top, bottom, left, right } = padInfo;
  const missing = [
    inHeight - ((outHeight - 1) * strideHeight + filterHeight - top - bottom),
    inWidth - ((outWidth - 1) * strideWidth + filterWidth - left - right),
  ];
  // A window wider than its stride leaves pixels that no output saw: they get zeros.
  const [spread] = graph.raw('ConvTranspose', [graph.rows(planes), graph.rows(weights)], {
    ...geometry(info),
    output_padding: missing,
  });
  const image = graph.view(spread, [batchSize, inChannels, inHeight, inWidth], 'float32');
  return new Value('float32', info.inShape, { channelsFirst: graph.rows(image) });
}
