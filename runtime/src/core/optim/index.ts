export { Adam, AdamW } from './adam.ts';
export {
  clipByGlobalNorm,
  clipByValue,
  clipGradients,
  clipSchema,
  gradientNorm,
  type ClipConfig,
} from './clipping.ts';
export { clipOptimizer, clipsByNorm } from './groupClipping.ts';
export type { ManualOptimizer } from './manualOptimizer.ts';
export { Optimizer } from './optimizer.ts';
export {
  optimizerRounds,
  type OptimizerConfig,
  type OptimizerRound,
  type SingleOptimizer,
} from './optimizerConfig.ts';
export { paramGroupSchema, type ParamGroup, type ParamGroupOptions } from './paramGroups.ts';
export { RMSProp } from './rmsProp.ts';
export { SGD } from './sgd.ts';
