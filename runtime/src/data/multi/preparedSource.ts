import { cachedSource } from '../cache/cachedSource.ts';
import type { Dataset } from '../dataset.ts';
import type { Source } from '../loader/batchAssembler.ts';
import { Compose, type TransformLike } from '../transforms/transform.ts';
import { openWindows } from './frameWindows.ts';
import type { MultiDatasetOptions } from './multiDatasetOptions.ts';
import { hasSize, ResizeImages } from './resizeImages.ts';
import { StackFrames } from './stackFrames.ts';

type SourceOptions = Pick<
  MultiDatasetOptions,
  'contextLength' | 'arSteps' | 'windowStride' | 'resolution' | 'imageFields' | 'enableCache'
>;

/** Whether samples are windows of frames instead of single ones. */
export function hasWindows({ contextLength, arSteps }: SourceOptions): boolean {
  return contextLength > 1 || arSteps > 0;
}

/**
 * A dataset as the loader reads it: images brought to the resolution, then the transform, then the
 * frames of a window stacked. Images of the right size already are left to the faster readers.
 */
export function preparedSource(
  name: string,
  dataset: Dataset,
  transform: TransformLike | null,
  train: boolean,
  options: SourceOptions,
): Source {
  const { contextLength, arSteps, windowStride: stride } = options;
  const perFrame = resized(dataset, transform ?? undefined, options);
  const plain = { name, dataset, transform: perFrame };
  const source = options.enableCache ? cachedSource(plain) : plain;
  if (!hasWindows(options)) return source;
  const { columns } = dataset;
  return {
    name,
    dataset: openWindows(name, source.dataset, { contextLength, arSteps, stride }),
    transform: new StackFrames({ contextLength, transform: source.transform, train, columns }),
  };
}

function resized(
  dataset: Dataset,
  transform: TransformLike | undefined,
  { resolution, imageFields }: SourceOptions,
): TransformLike | undefined {
  if (resolution === null) return transform;
  const [height, width] = resolution;
  const options = { height, width, fields: imageFields };
  if (hasSize(dataset, options)) return transform;
  const resize = new ResizeImages(options);
  return transform === undefined ? resize : new Compose([resize, transform]);
}
