import { BINARY } from './binary.ts';
import { CONVOLUTIONS } from './convolution.ts';
import { CREATIONS } from './create.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { GATHERS } from './gather.ts';
import { JOINS } from './join.ts';
import type { Lowering } from './lowering.ts';
import { PRODUCTS } from './matmul.ts';
import { NORMALIZATIONS } from './normalize.ts';
import { POOLS } from './pool.ts';
import { REDUCTIONS } from './reduce.ts';
import { SHAPES } from './shape.ts';

/** Every kernel that has an ONNX form. */
export const LOWERINGS: readonly Lowering[] = [
  ...ELEMENTWISE,
  ...BINARY,
  ...REDUCTIONS,
  ...PRODUCTS,
  ...CONVOLUTIONS,
  ...POOLS,
  ...SHAPES,
  ...JOINS,
  ...GATHERS,
  ...NORMALIZATIONS,
  ...CREATIONS,
];
