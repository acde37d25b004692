import { createHash } from 'node:crypto';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import type { Dataset } from '../dataset.ts';
import {
  asTransform,
  Compose,
  type Transform,
  type TransformLike,
} from '../transforms/transform.ts';

/** Raised when entries of older versions can no longer be read. */
export const formatVersion = 1;

export interface CacheKeyParts {
  readonly dataset: Dataset;
  readonly transform?: TransformLike | undefined;
  readonly cacheKey?: string | undefined;
}

/**
 * Names what an entry holds: sha256 of the source's content, the transforms by name, version and
 * parameters, types and shapes, and the version of the format.
 * @throws UsageError for random transforms, and for what nothing but a `cacheKey` could name
 */
export function entryKey({ dataset, transform, cacheKey }: CacheKeyParts): string {
  const step = transform === undefined ? undefined : asTransform(transform);
  if (step?.random === true) throw randomRefused(step.name);
  const { fingerprint } = dataset;
  if (cacheKey === undefined) {
    if (step !== undefined) checkNamed(step);
    if (fingerprint === undefined) throw unnamedSource(dataset);
  }
  const identity = {
    formatVersion,
    cacheKey: cacheKey ?? null,
    source: fingerprint ?? null,
    length: dataset.length,
    columns: dataset.columns ?? null,
    transform: step === undefined || step.version < 1 ? null : identityOf(step),
  };
  return createHash('sha256').update(canonical(identity)).digest('hex');
}

/** Whether name, version and parameters say all that a transform does. */
export function isNamed(transform: Transform): boolean {
  if (transform instanceof Compose) return transform.steps.every(isNamed);
  return transform.version >= 1;
}

function checkNamed(transform: Transform): void {
  if (transform instanceof Compose) {
    transform.steps.forEach(checkNamed);
    return;
  }
  if (isNamed(transform)) return;
  throw new UsageError(
    'ERR_DATA_CACHE_KEY',
    `The transform "${transform.name}" cannot be cached: it is a function, and functions are not compared by their source. ` +
      'Make it a class with name, version and parameters, or give a cacheKey that you change whenever the result changes.',
  );
}

function identityOf({ name, version, parameters }: Transform): unknown {
  return { name, version, parameters };
}

function randomRefused(name: string): UsageError {
  return new UsageError(
    'ERR_DATA_CACHE_RANDOM',
    `The transform "${name}" is random: cached, every epoch would get the same random numbers. ` +
      'Give the cache only what comes before it, and the random transform to the loader.',
  );
}

function unnamedSource(dataset: Dataset): UsageError {
  return new UsageError(
    'ERR_DATA_CACHE_KEY',
    `${sourceName(dataset)} has no fingerprint of its content, so a cache could not tell when it changes. ` +
      'Give the dataset a fingerprint, or the cache a cacheKey that you change with the data.',
  );
}

/** The class of a dataset, for people. */
export function sourceName(dataset: Dataset): string {
  const { name } = dataset.constructor;
  return name === '' || name === 'Object' ? 'The dataset' : name;
}

/** JSON with sorted keys. @throws UsageError for values that JSON would drop or change */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (isPlainObject(value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
  }
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `"${value.constructor.name} ${createHash('sha256').update(bytes).digest('hex')}"`;
  }
  if (typeof value === 'number') return `"number ${String(value)}"`;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') {
    return JSON.stringify(value);
  }
  throw new UsageError(
    'ERR_DATA_CACHE_KEY',
    `A parameter of a cached transform is a ${typeof value}, which a cache cannot compare. Give plain data, or a cacheKey.`,
  );
}
