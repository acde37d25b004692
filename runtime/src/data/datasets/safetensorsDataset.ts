import { z } from 'zod';
import {
  headerLength,
  parseHeader,
  prefixBytes,
  type HeaderFailure,
} from '../../core/safetensorsHeader.ts';
import { didYouMean, UsageError } from '../../errors.ts';
import type { ElementType } from '../formats/elementType.ts';
import { RandomAccessFile } from '../formats/randomAccessFile.ts';
import { StoredFields, type StoredField } from '../formats/storedFields.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Recipe } from '../workers/recipe.ts';
import { StoredDataset } from './storedDataset.ts';

export const safetensorsDatasetSchema = z.strictObject({
  path: z.string().describe('safetensors file: a path, or package:<npm package>/<file>'),
  tensors: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe('Tensors to use as fields; null: all'),
  inMemory: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Read the tensors whole, instead of a row at a time; null: up to 256 MB'),
});

export type SafetensorsDatasetOptions = z.input<typeof safetensorsDatasetSchema>;

/**
 * Tensors of a safetensors file as fields; their first axes, which must be equal, count the samples.
 * Floats of any width become float32, whole numbers int32, booleans bool.
 *
 * `new SafetensorsDataset({ path: 'train.safetensors', tensors: ['x', 'y'] })`
 */
export class SafetensorsDataset extends StoredDataset {
  static readonly schema = safetensorsDatasetSchema;

  readonly #options: SafetensorsDatasetOptions;

  /** @throws UsageError naming the file and tensor: damaged, cut short, unknown, other lengths */
  constructor(options: SafetensorsDatasetOptions) {
    const parsed = parseOptions(safetensorsDatasetSchema, options, 'SafetensorsDataset');
    super(new StoredFields(chosenFields(parsed.path, parsed.tensors), parsed.inMemory));
    this.#options = parsed;
  }

  recipe(): Recipe | undefined {
    const files = { module: import.meta.url, name: 'SafetensorsDataset', args: [this.#options] };
    return this.recipeFor(SafetensorsDataset, files);
  }
}

const types = {
  BOOL: 'bool',
  I8: 'int8',
  U8: 'uint8',
  I16: 'int16',
  U16: 'uint16',
  I32: 'int32',
  U32: 'uint32',
  I64: 'int64',
  U64: 'uint64',
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
} as const satisfies Record<string, ElementType>;

const bytesPerElement: Readonly<Record<keyof typeof types, number>> = {
  BOOL: 1,
  I8: 1,
  U8: 1,
  I16: 2,
  U16: 2,
  I32: 4,
  U32: 4,
  I64: 8,
  U64: 8,
  F16: 2,
  BF16: 2,
  F32: 4,
  F64: 8,
};

function chosenFields(path: string, names: readonly string[] | null): StoredField[] {
  const file = new RandomAccessFile(path);
  const fail: HeaderFailure = (kind, detail) =>
    new UsageError(
      kind === 'truncated' ? 'ERR_DATA_TRUNCATED' : 'ERR_DATA_FORMAT',
      `${file.path} is no usable safetensors file: ${detail}.`,
    );
  if (file.size < prefixBytes) throw fail('truncated', `it has ${file.size} bytes`);
  const length = headerLength(file.read(0, prefixBytes), file.size, fail);
  const { tensors } = parseHeader(file.read(prefixBytes, length), bytesPerElement, fail);
  const start = prefixBytes + length;
  const end = start + (tensors.at(-1)?.end ?? 0);
  if (end !== file.size) {
    throw fail('truncated', `its header promises ${end} bytes, it has ${file.size}`);
  }
  if (tensors.length === 0) throw fail('format', 'it holds no tensors');
  const known = tensors.map(({ name }) => name);
  return (names ?? known).map((name) => {
    const found = tensors.find((tensor) => tensor.name === name);
    if (found === undefined) {
      throw new UsageError(
        'ERR_DATA_COLUMN',
        `${file.path} has no tensor "${name}"; it has ${known.join(', ')}.${didYouMean(name, known)}`,
      );
    }
    const { dtype, shape, begin } = found;
    return { name, file, begin: start + begin, type: types[dtype], bigEndian: false, shape };
  });
}
