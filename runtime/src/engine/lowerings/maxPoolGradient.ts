import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { Value } from '../onnx/value.ts';
import { geometry, pool, type PoolInfo } from './poolGeometry.ts';

/** Windows of 2x2 that tile the image: two stages of pairs, no index tensor needed. */
export function isHalving(info: PoolInfo): boolean {
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  const sizes = [filterHeight, filterWidth, strideHeight, strideWidth];
  const { top, bottom, left, right } = padInfo;
  return (
    sizes.every((size) => size === 2) &&
    top + bottom + left + right === 0 &&
    info.inHeight % 2 === 0 &&
    info.inWidth % 2 === 0
  );
}

/** Max pool by 2x2 as pairs of columns, then pairs of rows. */
export function maxPoolInHalves(graph: GraphBuilder, x: Value): { columns: Value; whole: Value } {
  const [batch, height, width, channels] = x.shape;
  const columns = pool(graph, 'MaxPool', x, pair(1, 2), [batch, height, width / 2, channels]);
  const shape = [batch, height / 2, width / 2, channels];
  return { columns, whole: pool(graph, 'MaxPool', columns, pair(2, 1), shape) };
}

/** Gradient of a max pool: each value goes to the first largest pixel of its window. */
export function maxPoolGradient(graph: GraphBuilder, dy: Value, x: Value, info: PoolInfo): Value {
  return isHalving(info) ? gradientInHalves(graph, dy, x) : gradientByIndex(graph, dy, x, info);
}

function gradientInHalves(graph: GraphBuilder, dy: Value, x: Value): Value {
  const [batch, height, width, channels] = x.shape;
  const { columns, whole } = maxPoolInHalves(graph, x);
  const blocked = columns.blocked !== undefined;
  const [planes, inner] = blocked
    ? [(batch * channels) / graph.blockSize, graph.blockSize]
    : [batch, channels];
  const elements = (image: Value, shape: number[]): Value =>
    graph.view(blocked ? graph.blocked(image) : graph.rows(image), shape, 'float32');
  const pairsOfRows = [(planes * height) / 2, 2, (width / 2) * inner];
  const columnGradient = routeToFirst(graph, pairsOfRows, {
    first: elements(firstOfPairs(graph, columns, 1), halved(pairsOfRows)),
    largest: elements(whole, halved(pairsOfRows)),
    gradient: elements(dy, halved(pairsOfRows)),
  });
  const pairsOfColumns = [(planes * height * width) / 2, 2, inner];
  const gradient = routeToFirst(graph, pairsOfColumns, {
    first: elements(firstOfPairs(graph, x, 2), halved(pairsOfColumns)),
    largest: elements(columns, halved(pairsOfColumns)),
    gradient: graph.reshape(columnGradient, halved(pairsOfColumns)),
  });
  if (!blocked) return graph.reshape(gradient, x.shape);
  const image = graph.reshape(gradient, [batch, channels, height, width]);
  return new Value('float32', x.shape, { blocked: graph.rows(image) });
}

/** Every second row (axis 1) or column (axis 2), from the first on. */
function firstOfPairs(graph: GraphBuilder, image: Value, axis: 1 | 2): Value {
  const shape = image.shape.map((size, index) => (index === axis ? size / 2 : size));
  if (graph.canBlock(image)) {
    // A pool of single pixels takes them with all cores, which Slice does not.
    const attributes = { kernel_shape: [1, 1], strides: axis === 1 ? [2, 1] : [1, 2] };
    return pool(graph, 'MaxPool', image, attributes, shape);
  }
  const bounds = [[0], [image.shape[axis]], [axis], [2]];
  const operands = bounds.map((list) => graph.constant('int64', [1], list));
  return graph.op('Slice', [image, ...operands], shape);
}

function halved([outer, , inner]: readonly number[]): number[] {
  return [outer, 1, inner];
}

/**
 * Splits a gradient between the two halves of each pair: the first gets it where it equals the
 * larger of both, the second the rest.
 */
function routeToFirst(
  graph: GraphBuilder,
  pairs: readonly number[],
  { first, largest, gradient }: { first: Value; largest: Value; gradient: Value },
): Value {
  const shape = largest.shape;
  const chosen = graph.op('Equal', [first, largest], shape, {}, { type: 'bool' });
  const toFirst = graph.op('Mul', [gradient, graph.cast(chosen, 'float32')], shape);
  const toSecond = graph.op('Sub', [gradient, toFirst], shape);
  return graph.op('Concat', [toFirst, toSecond], pairs, { axis: 1 });
}

/** Any window: the pool's own indices say where each gradient is added. */
function gradientByIndex(graph: GraphBuilder, dy: Value, x: Value, info: PoolInfo): Value {
  const { batchSize, inChannels, inHeight, inWidth } = info;
  const [, indices] = graph.raw('MaxPool', [graph.channelsFirst(x)], geometry(info), {
    outputs: 2,
  });
  const count = dy.size;
  const positions = graph.view(indices, [count], 'int64');
  const updates = graph.view(graph.channelsFirst(dy), [count], 'float32');
  const zeros = graph.filled([x.size], 0);
  const scattered = graph.op('ScatterElements', [zeros, positions, updates], [x.size], {
    axis: 0,
    reduction: 'add',
  });
  const image = graph.reshape(scattered, [batchSize, inChannels, inHeight, inWidth]);
  return new Value('float32', x.shape, { channelsFirst: graph.rows(image) });
}

function pair(height: number, width: number) {
  return { kernel_shape: [height, width], strides: [height, width] };
}
