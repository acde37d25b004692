import { cwd } from 'node:process';
import { z } from 'zod';
import { messageOf, UsageError } from '../../errors.ts';
import { Rng } from '../../random/rng.ts';
import type { BatchReader, Column, ImageKernel } from '../batchReader.ts';
import { isDataset, type Dataset } from '../dataset.ts';
import { parseOptions } from '../parseOptions.ts';
import { asTransform, evaluationRng, type TransformLike } from '../transforms/transform.ts';
import { pack, recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { cacheFolder } from './cacheFolder.ts';
import { entryKey, sourceName } from './cacheKey.ts';
import { cacheLimit, CacheStore } from './cacheStore.ts';
import { columnsOf, readerOf } from './columnReader.ts';
import { entryFolder, markUsed } from './entryFiles.ts';
import { EntryReader, type SharedBlocks } from './entryReader.ts';
import { cacheReport, type CacheReport } from './fillProgress.ts';
import { isCacheTrouble, prepareEntry } from './prepareEntry.ts';
import { layoutOf, type SampleLayout } from './sampleCodec.ts';

const optionShape = {
  transform: z
    .custom<TransformLike>(
      (value) => typeof value === 'function' || (value !== null && typeof value === 'object'),
      'expected a transform: class_path and init_args',
    )
    .nullable()
    .default(null)
    .describe('Applied once, before samples are stored; must not be random'),
  cacheKey: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Names the content where dataset or transform cannot; change it whenever the samples change',
    ),
  folder: z
    .string()
    .nullable()
    .default(null)
    .describe('Folder of the cache; null: LIGHTBOX_CACHE or the folder of Hugging Face datasets'),
  limit: z
    .string()
    .nullable()
    .default(null)
    .describe('Size of all entries together, such as 20GB; null: LIGHTBOX_CACHE_LIMIT or 50GB'),
  required: z
    .boolean()
    .default(false)
    .describe('Stop when samples cannot be stored, instead of going on without a cache'),
  name: z.string().nullable().default(null).describe('Name in lists and messages'),
};

export const cachedDatasetSchema = z.strictObject({
  dataset: z
    .custom<Dataset>(isDataset, 'expected a dataset: class_path and init_args')
    .describe('Where samples come from'),
  ...optionShape,
});

type Input = z.input<typeof cachedDatasetSchema>;
export type CachedDatasetOptions = Omit<Input, 'dataset'>;

/** What a thread is told about a cache that another has opened. */
interface KnownCache {
  readonly key: string;
  readonly length: number;
  readonly fingerprint: string | undefined;
  readonly columns: Dataset['columns'];
  readonly shared: SharedBlocks | undefined;
}

/**
 * Keeps the samples of a dataset, a transform applied, in a folder on disk: made once, then read.
 * What an entry holds is named by the content (see `entryKey`), so a changed source or transform
 * gets an entry of its own. Samples come out as they went in.
 *
 * The first use fills the cache; `prepare()` does it at a time of your choosing.
 * @throws UsageError for random transforms, for functions and for datasets without a fingerprint,
 *   unless a `cacheKey` names what they hold
 */
export class CachedDataset implements Dataset {
  static readonly schema = cachedDatasetSchema;

  readonly length: number;
  readonly episodes: readonly number[] | undefined;
  readonly #base: Dataset | undefined;
  readonly #options: Required<CachedDatasetOptions>;
  readonly #known: KnownCache | undefined;
  readonly #rng = Rng.fromSeed(0);
  readonly #key: string;
  #reader: EntryReader | undefined;
  /** Samples are made each time: the cache could not be used. */
  #uncached = false;
  #preparing: Promise<void> | undefined;
  #report: CacheReport | undefined;
  readonly #said = new Set<string>();

  constructor(dataset: Dataset, options?: CachedDatasetOptions);
  constructor(options: Input);
  constructor(first: Dataset | Input | null, options: CachedDatasetOptions = {}, known?: unknown) {
    this.#known = known as KnownCache | undefined;
    const input = isDataset(first) ? { ...options, dataset: first } : { ...options, ...first };
    const { dataset, ...rest } =
      this.#known !== undefined && first === null
        ? {
            dataset: undefined,
            ...parseOptions(z.strictObject(optionShape), options, 'CachedDataset'),
          }
        : parseOptions(cachedDatasetSchema, input, 'CachedDataset');
    this.#base = dataset;
    this.#options = rest;
    this.length = this.#known?.length ?? dataset?.length ?? 0;
    this.episodes = dataset?.episodes;
    // Refusals belong to the start of a run, not to its first sample.
    this.#key = this.#known?.key ?? this.#makeKey();
    cacheLimit(rest.limit);
  }

  /** sha256 that names the content of the entry. */
  get key(): string {
    return this.#key;
  }

  /** That of the source, so that a run may be resumed with or without a cache. */
  get fingerprint(): string | undefined {
    if (this.#known !== undefined) return this.#known.fingerprint;
    return this.#base?.fingerprint ?? this.key;
  }

  get columns(): Readonly<Record<string, Column>> | undefined {
    const base = this.#known === undefined ? this.#base?.columns : this.#known.columns;
    if (this.#uncached || !this.#open()) return base;
    return columnsOf(this.#reader?.manifest.layout, base);
  }

  /** Name in lists and messages. */
  get name(): string {
    const { name } = this.#options;
    return name ?? (this.#base === undefined ? 'data' : sourceName(this.#base));
  }

  /** The folder of the entry, whether it is there already or not. */
  get folder(): string {
    return entryFolder(this.#store().root, this.key);
  }

  /** Whether samples are read from disk. */
  get cached(): boolean {
    return this.#open();
  }

  get(index: number): unknown {
    if (!(Number.isInteger(index) && index >= 0 && index < this.length)) {
      throw new RangeError(`Sample ${index} of ${this.length} in the cached ${this.name}.`);
    }
    if (this.#reader !== undefined) return this.#reader.sample(index);
    if (this.#uncached) return this.#make(index);
    if (this.#open()) return this.get(index);
    return this.prepare().then(() => this.get(index));
  }

  /**
   * Fills the cache unless it is filled, or waits for the process that does.
   * @throws UsageError with `required` when the folder cannot be used; errors of the source
   */
  prepare(report: CacheReport = cacheReport()): Promise<void> {
    if (this.#uncached) return Promise.resolve();
    if (this.#open()) {
      report.ready?.(this.name);
      return Promise.resolve();
    }
    this.#report = report;
    this.#preparing ??= this.#prepare(report).finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** Without kernels, and for samples that are all of one size. */
  reader(kernels: Readonly<Record<string, ImageKernel>> = {}): BatchReader | undefined {
    if (Object.keys(kernels).length > 0) return undefined;
    const layout = this.#layout();
    if (layout === undefined) return undefined;
    const base = this.#known === undefined ? this.#base?.columns : this.#known.columns;
    return readerOf(layout, base, {
      bytes: () => {
        const reader = this.#reader;
        return reader?.manifest.layout.kind === 'fixed' ? (id) => reader.bytesOf(id) : undefined;
      },
      sample: (id) => this.#make(id),
    });
  }

  /** Threads read the same entry; in memory, when it was open before they start. */
  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<CachedDataset>(this, CachedDataset, ['get', 'reader'], () => {
      const portable = this.#isPortable();
      const isOpen = this.#open();
      // Without a source a thread can only read what is there.
      const base = portable || !isOpen ? this.#base : null;
      const transform = portable || !isOpen ? this.#options.transform : null;
      const known: KnownCache = {
        key: this.key,
        length: this.length,
        fingerprint: this.fingerprint,
        columns: this.#base?.columns,
        shared: this.#reader?.shared,
      };
      return {
        module: import.meta.url,
        name: 'CachedDataset',
        args: [base, { ...this.#options, name: this.name, transform }, known],
      };
    });
  }

  #makeKey(): string {
    const { transform, cacheKey } = this.#options;
    return entryKey({
      dataset: this.#source(),
      transform: transform ?? undefined,
      cacheKey: cacheKey ?? undefined,
    });
  }

  async #prepare(report: CacheReport): Promise<void> {
    try {
      const { transform } = this.#options;
      await prepareEntry({
        store: this.#store(),
        about: {
          key: this.key,
          name: this.name,
          source: sourceName(this.#source()),
          transform: transform === null ? null : asTransform(transform).name,
          project: cwd(),
        },
        samples: this.length,
        make: (id) => this.#make(id),
        limit: cacheLimit(this.#options.limit),
        open: () => this.#open(),
        report,
      });
      report.ready?.(this.name);
    } catch (error) {
      if (this.#options.required || !isCacheTrouble(error)) throw error;
      this.#uncached = true;
      report.line(`Cache: ${messageOf(error)} The run goes on without a cache of ${this.name}.`);
    }
  }

  #open(): boolean {
    if (this.#reader !== undefined) return true;
    const folder = entryFolder(this.#store().root, this.key);
    this.#reader = EntryReader.open(folder, {
      shared: this.#known?.shared,
      remake: this.#base === undefined ? undefined : (from, to) => this.#remake(from, to),
      warn: (line) => this.#warn(line),
    });
    if (this.#reader === undefined) return false;
    markUsed(folder);
    return true;
  }

  #warn(line: string): void {
    if (!this.#said.has(line)) (this.#report ?? cacheReport()).line(line);
    this.#said.add(line);
  }

  #remake(from: number, to: number): unknown[] | Promise<unknown[]> {
    const samples = Array.from({ length: to - from }, (_, index) => this.#make(from + index));
    return samples.some((sample) => sample instanceof Promise) ? Promise.all(samples) : samples;
  }

  #make(id: number): unknown {
    const sample = this.#source().get(id);
    return sample instanceof Promise
      ? sample.then((ready: unknown) => this.#transformed(ready))
      : this.#transformed(sample);
  }

  #transformed(sample: unknown): unknown {
    const { transform } = this.#options;
    if (transform === null) return sample;
    const step = asTransform(transform);
    return step.apply(sample, evaluationRng(this.#rng, step.name, 'cache'));
  }

  /** Of the entry, or of the first sample while there is none. */
  #layout(): SampleLayout | undefined {
    if (!this.#uncached && this.#open()) return this.#reader?.manifest.layout;
    const first = this.length === 0 ? undefined : this.#make(0);
    return first instanceof Promise ? undefined : layoutOf(first);
  }

  #isPortable(): boolean {
    try {
      pack([this.#base, this.#options.transform], this.name);
      return true;
    } catch {
      return false;
    }
  }

  #source(): Dataset {
    if (this.#base !== undefined) return this.#base;
    throw new UsageError(
      'ERR_DATA_CACHE_FOLDER',
      `The cache entry of ${this.name} is gone (${entryFolder(this.#store().root, this.key)}), and its source cannot be opened in a loader thread. Start the run again.`,
    );
  }

  #store(): CacheStore {
    return new CacheStore(cacheFolder(this.#options.folder));
  }
}
