import type { CropAndResizeAttrs } from '@tensorflow/tfjs-core';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** Parts of images, resized: where they lie is data, unlike in other resizing. */
export const CROPS: Lowering[] = [
  lower<CropAndResizeAttrs>({
    kernel: 'CropAndResize',
    inputs: ['image', 'boxes', 'boxInd'],
    infer: ([image, boxes, owners], { cropSize }) =>
      boxes.dtype === 'float32' && owners.dtype === 'int32' && image.dtype !== 'bool'
        ? [{ shape: [boxes.shape[0], ...cropSize, image.shape[3]], dtype: 'float32' }]
        : null,
    emit(graph, [image, boxes, owners], { cropSize, method, extrapolationValue }, [{ shape }]) {
      const [, height, width, channels] = image.shape;
      const [count, rows, columns] = shape;
      const vertical = sampling(graph, boxes, 0, height, cropSize[0], method);
      const horizontal = sampling(graph, boxes, 1, width, cropSize[1], method);
      const owner = [count, height, width, channels];
      const images = graph.op('Gather', [graph.cast(image, 'float32'), owners], owner, { axis: 0 });
      const flat = graph.reshape(images, [count, height, width * channels]);
      const tall = graph.op('MatMul', [vertical.weights, flat], [count, rows, width * channels]);
      const across = graph.reshape(horizontal.weights, [count, 1, columns, width]);
      const lines = graph.reshape(tall, [count, rows, width, channels]);
      const crops = graph.op('MatMul', [across, lines], shape);
      const inside = graph.op(
        'And',
        [
          graph.reshape(vertical.inside, [count, rows, 1, 1]),
          graph.reshape(horizontal.inside, [count, 1, columns, 1]),
        ],
        [count, rows, columns, 1],
      );
      const parts = [inside, crops, graph.scalar(extrapolationValue)];
      return [graph.op('Where', parts, shape, {}, { type: 'float32' })];
    },
  }),
];

/**
 * Along one axis of each box: how much each pixel of the image counts for each of the crop, and
 * whether that lies in the image. In float64, as a place just beyond the edge counts as outside.
 */
function sampling(
  graph: GraphBuilder,
  boxes: Value,
  axis: 0 | 1,
  size: number,
  cropped: number,
  method: CropAndResizeAttrs['method'],
): { weights: Value; inside: Value } {
  const count = boxes.shape[0];
  const places = positions(graph, boxes, axis, size, cropped);
  const number = (value: number) => graph.scalar(value, 'float64');
  const test = (op: string, bound: number) =>
    graph.op(op, [places, number(bound)], places.shape, {}, { type: 'bool' });
  const inside = graph.op(
    'And',
    [test('GreaterOrEqual', 0), test('LessOrEqual', size - 1)],
    places.shape,
  );
  const pixels = graph.constant(
    'float64',
    [size],
    Array.from({ length: size }, (_, pixel) => pixel),
  );
  const shape = [count, cropped, size];
  const column = graph.reshape(method === 'nearest' ? nearest(graph, places) : places, [
    count,
    cropped,
    1,
  ]);
  const distance = graph.op('Abs', [graph.op('Sub', [column, pixels], shape)], shape);
  const near = graph.op('Max', [graph.op('Sub', [number(1), distance], shape), number(0)], shape);
  return { weights: graph.cast(near, 'float32'), inside };
}

/** Where in the image the pixels of the crops lie, [boxes, cropped]. */
function positions(
  graph: GraphBuilder,
  boxes: Value,
  axis: 0 | 1,
  size: number,
  cropped: number,
): Value {
  // Boxes are [top, left, bottom, right], from 0 to 1 between the middles of the outer pixels.
  const shares = Array.from({ length: cropped }, (_, index) =>
    cropped > 1 ? index / (cropped - 1) : 0.5,
  );
  const coefficients = [0, 1, 2, 3].flatMap((edge) =>
    shares.map((share) => {
      if (edge % 2 !== axis) return 0;
      return (size - 1) * (edge < 2 ? 1 - share : share);
    }),
  );
  const matrix = graph.constant('float64', [4, cropped], coefficients);
  return graph.op('MatMul', [graph.cast(boxes, 'float64'), matrix], [boxes.shape[0], cropped]);
}

/** Halves go up, as in JavaScript. */
function nearest(graph: GraphBuilder, x: Value): Value {
  const raised = graph.op('Add', [x, graph.scalar(0.5, 'float64')], x.shape);
  return graph.op('Floor', [raised], x.shape);
}
