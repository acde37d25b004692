import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { HostTensor } from '../../core/batch.ts';
import type { Json } from '../../core/json.ts';
import { messageOf, UsageError } from '../../errors.ts';
import type { Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { batchType, decodeElements, elementBytes } from '../formats/elementType.ts';
import { decodeImage } from '../formats/imageDecoder.ts';
import { imageSampleOptions, imageTensor } from '../formats/imageSample.ts';
import { parseNpyHeader } from '../formats/npyHeader.ts';
import { expandPaths } from '../formats/pathPattern.ts';
import { RandomAccessFile } from '../formats/randomAccessFile.ts';
import { indexTar, type TarEntry } from '../formats/tarIndex.ts';
import { locate, runningSums, type ShardLayout } from '../order/shardLayout.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

const decoders = ['jpg', 'jpeg', 'png', 'webp', 'json', 'txt', 'cls', 'npy'] as const;

export const tarDatasetSchema = z.strictObject({
  path: z
    .union([z.string(), z.array(z.string()).min(1)])
    .describe('Archives: paths or patterns, such as shards/train-{000..009}.tar'),
  fields: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Endings to read (jpg, cls), which become the fields; null: those of the first sample',
    ),
  ...imageSampleOptions,
});

export type TarDatasetOptions = z.input<typeof tarDatasetSchema>;
type Options = z.output<typeof tarDatasetSchema>;

export type TarValue = HostTensor | number | string | Json;

interface Shard {
  readonly file: RandomAccessFile;
  /** By sample: its key and the entry of each field. */
  readonly samples: readonly { readonly key: string; readonly entries: readonly TarEntry[] }[];
}

/**
 * Samples in tar archives, as WebDataset lays them out: files with one name up to the first dot
 * (`0001.jpg`, `0001.cls`) are one sample, whose fields are named by what follows. Archives are
 * indexed when they are opened, by their headers; samples are then read anywhere.
 *
 * jpg, jpeg, png and webp become images (see `ImageFolderDataset`), npy arrays, cls whole numbers,
 * txt strings, json what it holds.
 *
 * `new TarDataset({ path: 'train-{000..009}.tar', fields: ['jpg', 'cls'], resize: 64 })`
 */
export class TarDataset implements Dataset<Record<string, TarValue>> {
  static readonly schema = tarDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** The archives, which a shuffle reads a few at a time. */
  readonly shards: ShardLayout;
  readonly #options: Options;
  readonly #fields: readonly string[];
  readonly #shards: readonly Shard[];
  readonly #starts: Float64Array;

  /** @throws UsageError for missing, compressed, damaged or truncated archives and missing fields */
  constructor(options: TarDatasetOptions) {
    this.#options = parseOptions(tarDatasetSchema, options, 'TarDataset');
    const files = expandPaths(this.#options.path).map((path) => new RandomAccessFile(path));
    const grouped = files.map((file) => ({ file, groups: groupByKey(indexTar(file)) }));
    const first = grouped.find(({ groups }) => groups.size > 0);
    if (first === undefined) {
      throw new UsageError(
        'ERR_DATA_EMPTY',
        `${files.map(({ path }) => path).join(', ')}: no archive holds a sample.`,
      );
    }
    const [found] = first.groups.values();
    this.#fields = this.#options.fields ?? [...found.keys()];
    checkFields(this.#fields, first.file.path);
    this.#shards = grouped.map(({ file, groups }) => ({
      file,
      samples: [...groups].map(([key, parts]) => ({
        key,
        entries: this.#fields.map((field) => entryOf(parts, field, key, file.path)),
      })),
    }));
    const lengths = this.#shards.map(({ samples }) => samples.length);
    this.#starts = runningSums(lengths);
    this.length = this.#starts[lengths.length];
    this.shards = { lengths };
    this.columns = this.#fields.includes('cls') ? { cls: { dtype: 'int32', shape: [] } } : {};
  }

  async get(index: number): Promise<Record<string, TarValue>> {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Sample ${index} of ${this.length}.`);
    }
    const { shard, offset } = locate(this.#starts, index);
    const { file, samples } = this.#shards[shard];
    const { entries } = samples[offset];
    const sample: Record<string, TarValue> = {};
    for (const [place, field] of this.#fields.entries()) {
      const { name, begin, size } = entries[place];
      sample[field] = await this.#decode(field, file.read(begin, size), `${file.path}:${name}`);
    }
    return sample;
  }

  /** Name of a sample, up to the first dot. */
  key(index: number): string {
    const { shard, offset } = locate(this.#starts, index);
    return this.#shards[shard].samples[offset].key;
  }

  /** sha256 of the options and the archives: of all bytes up to 4 MB, of 64 parts of larger ones. */
  get fingerprint(): string {
    const hash = createHash('sha256').update(JSON.stringify({ ...this.#options, path: '' }));
    for (const { file } of this.#shards) hash.update(file.fingerprint());
    return hash.digest('hex');
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<TarDataset>(this, TarDataset, ['get'], () => ({
      module: import.meta.url,
      name: 'TarDataset',
      args: [this.#options],
    }));
  }

  async #decode(field: string, bytes: Buffer, where: string): Promise<TarValue> {
    switch (kindOf(field)) {
      case 'txt':
        return bytes.toString('utf8');
      case 'cls':
        return wholeNumber(bytes.toString('utf8').trim(), where);
      case 'json':
        return parseJson(bytes, where);
      case 'npy':
        return decodeNpy(bytes, where);
      default: {
        const { color, resize, decoder } = this.#options;
        const sides: [number, number] | null =
          typeof resize === 'number' ? [resize, resize] : resize;
        const image = await decodeImage(bytes, where, {
          grey: color === 'grey',
          resize: sides,
          decoder,
        });
        return imageTensor(image, this.#options);
      }
    }
  }
}

/** Files with one name up to the first dot of its last part, in the order of the archive. */
function groupByKey(entries: readonly TarEntry[]): Map<string, Map<string, TarEntry>> {
  const groups = new Map<string, Map<string, TarEntry>>();
  for (const entry of entries) {
    const dot = entry.name.indexOf('.', entry.name.lastIndexOf('/') + 1);
    // Names that begin with a dot are notes of the system that wrote the archive.
    if (dot <= entry.name.lastIndexOf('/') + 1) continue;
    const key = entry.name.slice(0, dot);
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = new Map<string, TarEntry>()));
    group.set(entry.name.slice(dot + 1).toLowerCase(), entry);
  }
  return groups;
}

/** `left.jpg` is decoded like `jpg`. */
function kindOf(field: string): string {
  return field.slice(field.lastIndexOf('.') + 1);
}

function checkFields(fields: readonly string[], path: string): void {
  const unknown = fields.find((field) => !(decoders as readonly string[]).includes(kindOf(field)));
  if (unknown === undefined) return;
  throw new UsageError(
    'ERR_DATA_FORMAT',
    `${path}: nothing reads files ending in .${unknown}; known are ${decoders.join(', ')}. Name the endings to read in fields.`,
  );
}

function entryOf(
  parts: ReadonlyMap<string, TarEntry>,
  field: string,
  key: string,
  path: string,
): TarEntry {
  const entry = parts.get(field);
  if (entry !== undefined) return entry;
  throw new UsageError(
    'ERR_DATA_MISMATCH',
    `${path}: sample "${key}" has ${[...parts.keys()].join(', ')}, but no ${field}. Is its archive complete? Name the endings that all have in fields.`,
  );
}

function wholeNumber(text: string, where: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new UsageError('ERR_DATA_FORMAT', `${where}: expected a whole number, got "${text}".`);
}

function parseJson(bytes: Buffer, where: string): Json {
  try {
    return JSON.parse(bytes.toString('utf8')) as Json;
  } catch (cause) {
    throw new UsageError('ERR_DATA_JSON', `${where}: ${messageOf(cause)}.`, { cause });
  }
}

function decodeNpy(bytes: Buffer, where: string): HostTensor {
  const read = (from: number, length: number): Buffer => bytes.subarray(from, from + length);
  if (bytes.length < 12) throw new UsageError('ERR_DATA_FORMAT', `${where} is no .npy file.`);
  const { type, bigEndian, shape, begin } = parseNpyHeader(where, read);
  const size = shape.reduce((product, length) => product * length, elementBytes[type]);
  if (bytes.length !== begin + size) {
    throw new UsageError(
      'ERR_DATA_TRUNCATED',
      `${where} promises ${begin + size} bytes and has ${bytes.length}.`,
    );
  }
  const data = decodeElements(bytes.subarray(begin), type, bigEndian, where);
  return { data, shape: [...shape], dtype: batchType(type) };
}
