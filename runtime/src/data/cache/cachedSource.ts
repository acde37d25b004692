import { isUsageError, UsageError } from '../../errors.ts';
import type { Source } from '../loader/batchAssembler.ts';
import { asTransform } from '../transforms/transform.ts';
import { CachedDataset } from './cachedDataset.ts';
import { splitTransform } from './splitTransform.ts';

/**
 * A source whose samples are cached up to its first transform that is random or a plain function.
 * Sources that are read in whole batches stay as they are: making those is faster than a cache.
 * @throws UsageError naming a dataset that has no fingerprint
 */
export function cachedSource(source: Source): Source {
  const { name, dataset, transform } = source;
  const { cached, rest } = splitTransform(transform);
  if (isReadWhole(source)) return source;
  if (dataset instanceof CachedDataset && cached === undefined) return source;
  try {
    return {
      name,
      dataset: new CachedDataset(dataset, { transform: cached, name }),
      transform: rest,
    };
  } catch (error) {
    if (!isUsageError(error) || error.code !== 'ERR_DATA_CACHE_KEY') throw error;
    throw new UsageError(
      error.code,
      `Dataset "${name}" cannot be cached by enable_cache: ${error.message} ` +
        'lightbox.data.CachedDataset around this one dataset takes a cache_key.',
    );
  }
}

function isReadWhole({ dataset, transform }: Source): boolean {
  if (transform === undefined) return dataset.reader?.() !== undefined;
  return asTransform(transform).fuse?.(dataset) !== undefined;
}
