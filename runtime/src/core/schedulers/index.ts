export { Constant } from './constant.ts';
export { Cosine } from './cosine.ts';
export { CosineWarmRestarts } from './cosineWarmRestarts.ts';
export { Exponential, MultiStep, Polynomial, Step } from './decay.ts';
export { Linear } from './linear.ts';
export { OneCycle } from './oneCycle.ts';
export { ReduceOnPlateau } from './reduceOnPlateau.ts';
export { lrFactors, type Scheduler } from './scheduler.ts';
export { WarmupCosine } from './warmupCosine.ts';
