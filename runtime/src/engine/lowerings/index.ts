import { ANGLES } from './angle.ts';
import { BINARY } from './binary.ts';
import { CONVOLUTIONS } from './convolution.ts';
import { CREATIONS } from './create.ts';
import { CROPS } from './crop.ts';
import { CUMULATIVE_PRODUCTS } from './cumulativeProduct.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { GATHERS } from './gather.ts';
import { GELUS } from './gelu.ts';
import { JOINS } from './join.ts';
import { LOCAL_RESPONSES } from './localResponse.ts';
import { LAYER_NORMS } from './layerNorm.ts';
import type { Lowering } from './lowering.ts';
import { PRODUCTS } from './matmul.ts';
import { MIRROR_PADS } from './mirrorPad.ts';
import { NORMALIZATIONS } from './normalize.ts';
import { POOLS } from './pool.ts';
import { RECURRENCES } from './recurrent.ts';
import { REDUCTIONS } from './reduce.ts';
import { RESIZES } from './resize.ts';
import { SCATTERS } from './scatter.ts';
import { SHAPES } from './shape.ts';
import { VOLUME_CONVOLUTIONS } from './volumeConvolution.ts';
import { VOLUME_POOLS } from './volumePool.ts';

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
  ...LAYER_NORMS,
  ...GELUS,
  ...CREATIONS,
  ...ANGLES,
  ...CROPS,
  ...CUMULATIVE_PRODUCTS,
  ...LOCAL_RESPONSES,
  ...MIRROR_PADS,
  ...RECURRENCES,
  ...RESIZES,
  ...SCATTERS,
  ...VOLUME_CONVOLUTIONS,
  ...VOLUME_POOLS,
];
