import type { MirrorPadAttrs } from '@tensorflow/tfjs-core';
import { lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** Margins that mirror what they border: ONNX's Pad knows only one of the two modes. */
export const MIRROR_PADS: Lowering[] = [
  lower<MirrorPadAttrs>({
    kernel: 'MirrorPad',
    inputs: ['x'],
    infer: ([x], { paddings }) => [
      {
        shape: x.shape.map((size, axis) => size + paddings[axis][0] + paddings[axis][1]),
        dtype: x.dtype,
      },
    ],
    emit: (graph, [x], { paddings, mode }) => [
      paddings.reduce((image, margins, axis) => {
        if (margins[0] + margins[1] === 0) return image;
        const sources = mirrored(x.shape[axis], margins, mode === 'symmetric' ? 1 : 0);
        const indices = graph.constant('int64', [sources.length], sources);
        const shape = image.shape.with(axis, sources.length);
        return graph.op('Gather', [image, indices], shape, { axis });
      }, x),
    ],
  }),
];

/** For each element with margins, which one it copies; `edge` 1 repeats the outermost. */
function mirrored(size: number, [before, after]: [number, number], edge: number): number[] {
  return Array.from({ length: before + size + after }, (_, index) => {
    const position = index - before;
    if (position < 0) return -position - edge;
    return position < size ? position : 2 * (size - 1) - position + edge;
  });
}
