import { util } from '@tensorflow/tfjs-core';
import type { Attrs, Lowering } from './lowering.ts';

/** Kernels that make tensors of one value. */
export const CREATIONS: Lowering[] = [
  {
    kernel: 'Fill',
    inputs: [],
    infer(_inputs, { shape, value, dtype }: Attrs) {
      const type = dtype ?? util.inferDtype(value);
      return ['float32', 'int32', 'bool'].includes(type) ? [{ shape, dtype: type }] : null;
    },
    emit: (graph, _inputs, { value }: Attrs, [{ shape, dtype }]) => [
      graph.filled(shape, Number(value), dtype),
    ],
  },
  {
    kernel: 'ZerosLike',
    inputs: ['x'],
    infer: ([x]) => [x],
    emit: (graph, [x]) => [graph.filled(x.shape, 0, x.type)],
  },
  {
    kernel: 'OnesLike',
    inputs: ['x'],
    infer: ([x]) => [x],
    emit: (graph, [x]) => [graph.filled(x.shape, 1, x.type)],
  },
];
