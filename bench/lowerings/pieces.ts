import type { GraphBuilder } from '../../runtime/dist/engine/onnx/graphBuilder.js';
import { Value } from '../../runtime/dist/engine/onnx/value.js';
import { LOWERINGS } from '../../runtime/dist/engine/lowerings/index.js';
import { blockSize } from '../../runtime/dist/engine/ort/blockSize.js';
import type { Piece, Way } from './race.ts';

const [batch, size, inner, outer] = [128, 14, 32, 64];
const image = [batch, size, size, inner];
const result = [batch, size, size, outer];
const filter = [3, 3, inner, outer];
const pixels = batch * size * size;
const same = { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1 };
const halving = { filterSize: 2, strides: 2, pad: 'valid' };

/** The pieces of a convolution network's step, each in the ways that were considered. */
export function convolutionPieces(): Piece[] {
  const block = blockSize();
  const plain = (kernel: string, attrs: object): Way => ({
    blockSize: 0,
    build: (graph, inputs) => lowered(graph, kernel, inputs, attrs),
  });
  const blocked = (kernel: string, attrs: object, kept = [0, 1]): Way => ({
    blockSize: block,
    build(graph, inputs) {
      const operands = inputs.map((value, index) =>
        kept.includes(index) ? inBlocks(graph, value) : value,
      );
      return stayingThere(graph, lowered(graph, kernel, operands, attrs));
    },
  });
  const inputShape = { ...same, inputShape: image };
  const filterShape = { ...same, filterShape: filter };
  return [
    {
      name: 'conv',
      inputs: [image, filter],
      ways: {
        'plain, rows in and out': plain('Conv2D', same),
        'blocks, rows in and out': {
          blockSize: block,
          build: (graph, inputs) => lowered(graph, 'Conv2D', inputs, same),
        },
        'blocks staying': blocked('Conv2D', same, [0]),
      },
    },
    {
      name: 'conv-input-gradient',
      inputs: [result, filter],
      ways: {
        'ConvTranspose, rows in and out': plain('Conv2DBackpropInput', inputShape),
        'mirrored filter, blocks staying': blocked('Conv2DBackpropInput', inputShape, [0]),
      },
    },
    {
      name: 'conv-filter-gradient',
      inputs: [image, result],
      ways: {
        'a product each tap, from rows': plain('Conv2DBackpropFilter', filterShape),
        'one product of all taps, from rows': { blockSize: 0, build: columnsProduct },
        'a product each image, from rows': { blockSize: 0, build: productsOfImages },
        'batch as channels, from rows': {
          blockSize: block,
          build: (graph, inputs) => lowered(graph, 'Conv2DBackpropFilter', inputs, filterShape),
        },
        'batch as channels, from blocks': blocked('Conv2DBackpropFilter', filterShape),
      },
    },
    {
      name: 'max-pool-gradient',
      inputs: [
        [batch, size, size, outer],
        [batch, size / 2, size / 2, outer],
      ],
      ways: {
        'indices and ScatterElements': { blockSize: 0, build: poolByIndex },
        'pairs, from rows': {
          blockSize: 0,
          build: (graph, [x, dy]) => lowered(graph, 'MaxPoolGrad', [dy, x, dy], halving),
        },
        'pairs, blocks staying': {
          blockSize: block,
          build: (graph, [x, dy]) =>
            stayingThere(
              graph,
              lowered(graph, 'MaxPoolGrad', [inBlocks(graph, dy), inBlocks(graph, x), dy], halving),
            ),
        },
      },
    },
    {
      name: 'bias-gradient',
      inputs: [result],
      ways: {
        'ReduceSum, from rows': {
          blockSize: 0,
          build: (graph, [dy]) =>
            graph.op('ReduceSum', [dy, graph.constant('int64', [3], [0, 1, 2])], [1, 1, 1, outer]),
        },
        'product with ones, from rows': plain('Sum', { axis: [0, 1, 2] }),
        'product with ones, from blocks': blocked('Sum', { axis: [0, 1, 2] }),
      },
    },
  ];
}

function lowered(
  graph: GraphBuilder,
  kernel: string,
  inputs: readonly Value[],
  attrs: object,
): Value {
  const lowering = LOWERINGS.find((item) => item.kernel === kernel);
  if (lowering === undefined) throw new Error(`no lowering of ${kernel}`);
  const specs = [{ shape: [outer], dtype: 'float32' as const }];
  return lowering.emit(graph, inputs, attrs, specs)[0];
}

/** The same numbers taken for an image in blocks: what they are does not matter here. */
function inBlocks(graph: GraphBuilder, value: Value): Value {
  const [images, height, width, channels] = value.shape;
  const blocked = graph.rows(graph.reshape(value, [images, channels, height, width]));
  return new Value(value.type, value.shape, { blocked });
}

function stayingThere(graph: GraphBuilder, value: Value): Value {
  return value.blocked === undefined ? value : graph.view(value.blocked, value.shape, 'float32');
}

/** The pixels under every tap side by side: [batch, height, width, taps * channels]. */
function columns(graph: GraphBuilder, x: Value): Value {
  const list = (values: number[]): Value => graph.constant('int64', [values.length], values);
  const pads = list([0, 1, 1, 0, 0, 1, 1, 0]);
  const padded = graph.op('Pad', [x, pads, graph.scalar(0)], [batch, size + 2, size + 2, inner]);
  const taps = Array.from({ length: 9 }, (_, tap) => {
    const [top, left] = [Math.floor(tap / 3), tap % 3];
    const bounds = [list([top, left]), list([top + size, left + size]), list([1, 2])];
    return graph.op('Slice', [padded, ...bounds], image);
  });
  return graph.op('Concat', taps, [batch, size, size, 9 * inner], { axis: 3 });
}

function columnsProduct(graph: GraphBuilder, [x, dy]: readonly Value[]): Value {
  const matrix = graph.reshape(columns(graph, x), [pixels, 9 * inner]);
  const gradients = graph.reshape(dy, [pixels, outer]);
  return graph.op('Gemm', [matrix, gradients], [9 * inner, outer], { transA: 1 });
}

function productsOfImages(graph: GraphBuilder, [x, dy]: readonly Value[]): Value {
  const matrices = graph.reshape(columns(graph, x), [batch, size * size, 9 * inner]);
  const gradients = graph.reshape(dy, [batch, size * size, outer]);
  const shape = [batch, 9 * inner, outer];
  const options = { domain: 'com.microsoft' };
  const products = graph.op('FusedMatMul', [matrices, gradients], shape, { transA: 1 }, options);
  const flat = graph.reshape(products, [batch, 9 * inner * outer]);
  return graph.op('MatMul', [graph.filled([1, batch], 1), flat], [1, 9 * inner * outer]);
}

function poolByIndex(graph: GraphBuilder, [x, dy]: readonly Value[]): Value {
  const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
  const [, indices] = graph.raw('MaxPool', [graph.channelsFirst(x)], attributes, { outputs: 2 });
  const updates = graph.view(graph.channelsFirst(dy), [dy.size], 'float32');
  const operands = [graph.filled([x.size], 0), graph.view(indices, [dy.size], 'int64'), updates];
  return graph.op('ScatterElements', operands, [x.size], { axis: 0, reduction: 'add' });
}
