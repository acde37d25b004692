import { z } from 'zod';
import type { HostBatch, HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import { allocateColumn } from '../batchReader.ts';
import { parseOptions } from '../parseOptions.ts';
import type { Portable } from '../workers/recipe.ts';
import { asTensor, collateSamples, type Collate, type CollateContext } from './collate.ts';

export const padCollateSchema = z.strictObject({
  field: z
    .union([z.string(), z.array(z.string()).min(1)])
    .describe('Fields whose first axis differs in length from sample to sample'),
  value: z.number().default(0).describe('Value of the padding'),
  maxLength: z.int().min(1).nullable().default(null).describe('Longer samples are cut to it'),
  multipleOf: z
    .int()
    .min(1)
    .default(1)
    .describe('Lengths are padded up to a multiple: fewer shapes, fewer graphs to compile'),
});

type PadOptions = z.output<typeof padCollateSchema>;

/**
 * A collate function for samples whose fields differ in length along their first axis. In a batch
 * such a field is as long as its longest sample (rounded up to `multipleOf`, at most `maxLength`),
 * padded with `value`; beside it stand `<field>_length`, int32 [batch], and `<field>_valid`,
 * float32 [batch, length], 1 = value, 0 = padding. All other fields are stacked as usual.
 * @throws UsageError naming field and samples when more than the lengths differ
 */
// A function, not an arrow: loader threads call it with `new`, as they do with every recipe.
export function padCollate(options: z.input<typeof padCollateSchema>): Collate & Portable {
  const parsed = parseOptions(padCollateSchema, options, 'padCollate');
  const fields = [parsed.field].flat();
  const collate: Collate = (samples, context) => {
    const first = samples[0];
    if (!isPlainObject(first)) {
      throw new UsageError(
        'ERR_DATA_COLLATE',
        `padCollate: samples must be objects with the field "${fields[0]}"; ${context.describe(0)} is not.`,
      );
    }
    const padded = new Map(fields.map((name) => [name, padField(name, samples, parsed, context)]));
    const rest = samples.map((sample) =>
      Object.fromEntries(Object.entries(sample as object).filter(([key]) => !fields.includes(key))),
    );
    const stacked = collateSamples(rest, context) as Record<string, HostBatch>;
    const batch: Record<string, HostBatch> = {};
    // In the order of the sample, each followed by what belongs to it.
    for (const key of Object.keys(first)) {
      Object.assign(batch, padded.get(key) ?? { [key]: stacked[key] });
    }
    return batch;
  };
  const recipe = () => ({ module: import.meta.url, name: 'padCollate', args: [parsed] });
  return Object.assign(collate, { recipe });
}

function padField(
  field: string,
  samples: readonly unknown[],
  { value, maxLength, multipleOf }: PadOptions,
  context: CollateContext,
): Record<string, HostBatch> {
  const rows = samples.map((sample, row) => rowTensor(sample, field, row, context));
  const [first] = rows;
  rows.forEach((tensor, row) => {
    const same =
      tensor.dtype === first.dtype && tensor.shape.slice(1).join() === first.shape.slice(1).join();
    if (!same) {
      throw new UsageError(
        'ERR_DATA_COLLATE',
        `padCollate: field "${field}" of ${context.describe(row)} is ${layout(tensor)}, that of ${context.describe(0)} ${layout(first)}. Only the first axis may differ.`,
      );
    }
  });
  const lengths = rows.map(({ shape }) => Math.min(shape[0], maxLength ?? Infinity));
  const longest = Math.max(1, ...lengths);
  const padded = Math.min(Math.ceil(longest / multipleOf) * multipleOf, maxLength ?? Infinity);
  const inner = first.shape.slice(1);
  const width = inner.reduce((product, size) => product * size, 1);
  const shape = [padded, ...inner];
  const data = allocateColumn({ dtype: first.dtype, shape }, rows.length);
  const valid = new Float32Array(rows.length * padded);
  if (value !== 0) data.fill(value);
  rows.forEach((tensor, row) => {
    data.set(tensor.data.subarray(0, lengths[row] * width), row * padded * width);
    valid.fill(1, row * padded, row * padded + lengths[row]);
  });
  const size = rows.length;
  return {
    [field]: { data, shape: [size, ...shape], dtype: first.dtype },
    [`${field}_length`]: { data: Int32Array.from(lengths), shape: [size], dtype: 'int32' },
    [`${field}_valid`]: { data: valid, shape: [size, padded], dtype: 'float32' },
  };
}

function rowTensor(
  sample: unknown,
  field: string,
  row: number,
  context: CollateContext,
): HostTensor {
  const value = isPlainObject(sample) ? sample[field] : undefined;
  // No values, so no type to read off: it takes that of its column.
  if (Array.isArray(value) && value.length === 0) {
    const dtype = context.columns[field]?.dtype ?? 'float32';
    return { data: allocateColumn({ dtype, shape: [] }, 0), shape: [0], dtype };
  }
  const tensor = asTensor(value, field);
  if (tensor !== undefined && tensor.shape.length > 0) return withColumn(tensor, field, context);
  throw new UsageError(
    'ERR_DATA_COLLATE',
    `padCollate: field "${field}" of ${context.describe(row)} must be an array of numbers, a typed array or a tensor with at least one axis.`,
  );
}

/** Plain arrays of numbers become float32 unless their column says otherwise. */
function withColumn(tensor: HostTensor, field: string, { columns }: CollateContext): HostTensor {
  const dtype = columns[field]?.dtype ?? tensor.dtype;
  if (dtype === tensor.dtype) return tensor;
  const data = allocateColumn({ dtype, shape: tensor.shape }, 1);
  data.set(tensor.data);
  return { data, shape: tensor.shape, dtype };
}

function layout({ dtype, shape }: HostTensor): string {
  return `${dtype} [${shape.join(', ')}]`;
}
