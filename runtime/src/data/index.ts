export type { Dataset, SampleOf } from './dataset.ts';
export type {
  BatchReader,
  ByteImage,
  Column,
  ImageKernel,
  ImageWriter,
  ReadRequest,
} from './batchReader.ts';

export { DataLoader, type DataLoaderOptions } from './dataLoader.ts';
export { collateSamples, type Collate, type CollateContext } from './loader/collate.ts';
export { padCollate } from './loader/padCollate.ts';
export type { FaultLimits, FaultPolicy } from './loader/faultPolicy.ts';
export type { LoaderOrder } from './loader/sampleLoader.ts';
export { loaderState, restoreLoader, type LoaderState } from './loader/loaderState.ts';

export { portable, type Portable, type Recipe } from './workers/recipe.ts';

export { ArrayDataset, mapDataset, randomSplit, Subset } from './datasets/derived.ts';
export { CsvDataset, type CsvDatasetOptions } from './datasets/csvDataset.ts';
export { JsonDataset, type JsonDatasetOptions } from './datasets/jsonDataset.ts';
export { IdxDataset, type IdxDatasetOptions, type IdxSample } from './datasets/idxDataset.ts';
export {
  StreamDataset,
  type ShardSource,
  type StreamDatasetOptions,
} from './streams/streamDataset.ts';
export {
  ImageFolderDataset,
  type ImageFolderDatasetOptions,
  type ImageFolderSample,
} from './datasets/imageFolderDataset.ts';
export { ArrowDataset, type ArrowDatasetOptions } from './datasets/arrowDataset.ts';
export { NpyDataset, type NpyDatasetOptions } from './datasets/npyDataset.ts';
export {
  SafetensorsDataset,
  type SafetensorsDatasetOptions,
} from './datasets/safetensorsDataset.ts';
export { ParquetDataset, type ParquetDatasetOptions } from './datasets/parquetDataset.ts';
export { CachedDataset, type CachedDatasetOptions } from './cache/cachedDataset.ts';
export type { CacheReport, FillProgress } from './cache/fillProgress.ts';
export { TarDataset, type TarDatasetOptions, type TarValue } from './datasets/tarDataset.ts';
export { TextDataset, type TextDatasetOptions, type TextSample } from './datasets/textDataset.ts';
export { TensorDataset, type TensorColumn } from './datasets/tensorDataset.ts';
export {
  downloadFromHub,
  type HubDownload,
  type HubDownloadOptions,
} from './hub/downloadFromHub.ts';
export { resolveDataPath } from './datasets/dataPath.ts';

export {
  asTransform,
  Compose,
  type Transform,
  type TransformLike,
} from './transforms/transform.ts';
export { ColorJitter } from './transforms/colorJitter.ts';
export { ImageTransform } from './transforms/imageTransform.ts';
export { Normalize } from './transforms/normalize.ts';
export { RandomAffine } from './transforms/randomAffine.ts';
export { RandomCrop } from './transforms/randomCrop.ts';
export { RandomHorizontalFlip } from './transforms/randomHorizontalFlip.ts';
export { RandomResizedCrop } from './transforms/randomResizedCrop.ts';
export { Resize } from './transforms/resize.ts';

export { MultiDatasetModule, sourceField } from './multi/multiDatasetModule.ts';
export type { PlannedDataset, PlannedStage } from './multi/mixturePlan.ts';
export { Episodes } from './multi/episodes.ts';
export type { MultiDatasetInput } from './multi/multiDatasetOptions.ts';

export {
  SampleOrder,
  type MixingKind,
  type OrderDescription,
  type OrderedDataset,
  type Place,
  type SampleOrderOptions,
  type SamplePosition,
} from './order/sampleOrder.ts';
export type { WeightStage } from './order/mixSchedule.ts';
export type { ShardLayout } from './order/shardLayout.ts';
export type { StopRule } from './order/stopRule.ts';
export { rankSlice, type PositionSpan } from './order/rankSlice.ts';
export {
  TemporalWindows,
  type TemporalWindow,
  type TemporalWindowOptions,
} from './order/temporalWindows.ts';
