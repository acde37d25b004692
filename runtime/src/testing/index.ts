export { expectNoTensorLeak } from './expectNoTensorLeak.ts';
export { tinyLoader, type TinyLoaderOptions } from './tinyLoader.ts';
export { TinyModule, type TinyBatch, type TinyOptions } from './tinyModule.ts';
export { FixedTrial, type TrialLike } from './fixedTrial.ts';
export { loggerSuite, type LoggerCase, type LoggerUnderTest } from './loggerSuite.ts';
export { prunerSuite } from './prunerSuite.ts';
export { samplerSuite, type SamplerSuiteOptions } from './samplerSuite.ts';
export { storageSuite, type StorageFixture } from './storageSuite.ts';
export type { TestApi } from './testApi.ts';
