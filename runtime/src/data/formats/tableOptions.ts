import { z } from 'zod';
import { didYouMean, UsageError } from '../../errors.ts';
import type { ColumnKind, TableColumn } from './tableColumn.ts';

/** Options that readers of typed tables share. */
export const tableOptions = {
  columns: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe('Columns to read, which become the fields of a sample; null: all'),
  categories: z
    .record(z.string(), z.array(z.string()).min(1))
    .default({})
    .describe('Columns of classes with their values; the field is the place in that list (int32)'),
  floats: z
    .array(z.string())
    .default([])
    .describe('Columns of whole numbers that become float32 instead of int32'),
  fill: z
    .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
    .default({})
    .describe('What stands for missing values, by column; without it they are an error'),
  dates: z
    .enum(['text', 'days'])
    .default('text')
    .describe('Dates and times as ISO 8601 text, or as days since 1970-01-01 UTC (float32)'),
};

interface TableSelection {
  readonly columns: readonly string[] | null;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly floats: readonly string[];
  readonly fill: Readonly<Record<string, number | string | boolean>>;
  readonly dates: 'text' | 'days';
}

/** A column as a file describes it: what it holds, or in words why it cannot be a field. */
export interface FoundColumn {
  readonly name: string;
  readonly kind: ColumnKind | { readonly unsupported: string };
}

/**
 * The chosen columns of a file.
 * @throws UsageError for names that the file does not have and for columns that are no plain values
 */
export function chooseColumns(
  found: readonly FoundColumn[],
  options: TableSelection,
  path: string,
): TableColumn[] {
  const names = found.map(({ name }) => name);
  const kindOf = (name: string, option: string): FoundColumn['kind'] => {
    const column = found.find((candidate) => candidate.name === name);
    if (column !== undefined) return column.kind;
    throw new UsageError(
      'ERR_DATA_COLUMN',
      `${path} has no column "${name}" (named in ${option}); its columns are ${names.join(', ')}.${didYouMean(name, names)}`,
    );
  };
  for (const option of ['categories', 'fill'] as const) {
    for (const name of Object.keys(options[option])) kindOf(name, option);
  }
  for (const name of options.floats) kindOf(name, 'floats');
  return (options.columns ?? names).map((name) => {
    const kind = kindOf(name, 'columns');
    if (typeof kind === 'object') {
      throw new UsageError(
        'ERR_DATA_COLUMN',
        `${path}: column "${name}" is ${kind.unsupported}; fields are numbers, booleans, texts and dates. Name the columns to read in columns.`,
      );
    }
    return {
      name,
      kind,
      categories: options.categories[name],
      fill: options.fill[name],
      asFloat: options.floats.includes(name),
      asDays: options.dates === 'days',
    };
  });
}
