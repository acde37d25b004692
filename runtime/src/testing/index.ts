export { expectNoTensorLeak } from './expectNoTensorLeak.ts';
export { tinyLoader, type TinyLoaderOptions } from './tinyLoader.ts';
export { TinyModule, type TinyBatch, type TinyOptions } from './tinyModule.ts';
