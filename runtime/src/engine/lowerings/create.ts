import { util } from '@tensorflow/tfjs-core';
import type { DataType, FillAttrs } from '@tensorflow/tfjs-core';
import { isNumeric, lower } from './lowering.ts';
import type { Lowering } from './lowering.ts';

/** Kernels that make tensors of one value. */
export const CREATIONS: Lowering[] = [
  lower<FillAttrs>({
    kernel: 'Fill',
    inputs: [],
    infer(_inputs, { shape, value, dtype }) {
      const type = (dtype as DataType | undefined) ?? util.inferDtype(value);
      return isNumeric(type) ? [{ shape, dtype: type }] : null;
    },
    emit: (graph, _inputs, { value }, [{ shape, dtype }]) => [
      graph.filled(shape, Number(value), dtype),
    ],
  }),
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
