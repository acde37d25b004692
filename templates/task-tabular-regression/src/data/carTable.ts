import { readFileSync } from 'node:fs';
import { randomSplit, resolveDataPath, TensorDataset } from 'lightbox-runtime/data';
import { z } from 'zod';

/** Options of a part of the table. */
const schema = z.strictObject({
  table: z.string().describe('JSON file of rows: a path or package:<npm package>/<file>'),
  split: z.enum(['train', 'val', 'test']).describe('Part of the rows: 70, 15 and 15 %'),
  origins: z.array(z.string()).nullable().default(null).describe('Only cars from there; null: all'),
  splitSeed: z.int().default(7).describe('Decides which row is in which part'),
});

/**
 * Rows of the table of cars, standardised with mean and deviation of all training rows. Batches
 * have `features` float32 [batch, 9] and `target` float32 [batch] (miles per gallon, standardised).
 * Rows without consumption or power are left out.
 */
export class CarTable extends TensorDataset {
  static readonly schema = schema;

  constructor(options: z.input<typeof schema>) {
    const { table, split, origins, splitSeed } = schema.parse(options);
    const { rows, scale } = loadTable(table, splitSeed);
    const selected = rows.filter(
      (row) => row.split === split && (origins === null || origins.includes(row.origin)),
    );
    if (selected.length === 0) {
      throw new Error(`No car of ${table} is in split "${split}" from ${String(origins)}.`);
    }
    const features = Float32Array.from(
      selected.flatMap(({ values }) => values.map((value, column) => scale[column](value))),
    );
    const target = Float32Array.from(selected, ({ mpg }) => scale[featureCount](mpg));
    super({
      features: { data: features, shape: [selected.length, featureCount], dtype: 'float32' },
      target,
    });
  }
}

/** Columns of `features`. */
export const featureCount = 9;

const numeric = [
  'Cylinders',
  'Displacement',
  'Horsepower',
  'Weight_in_lbs',
  'Acceleration',
] as const;
const places = ['USA', 'Europe', 'Japan'];

type RawRow = Readonly<Record<(typeof numeric)[number], number | null>> & {
  readonly Miles_per_Gallon: number | null;
  readonly Year: string;
  readonly Origin: string;
};

interface Row {
  readonly values: readonly number[];
  readonly mpg: number;
  readonly origin: string;
  readonly split: 'train' | 'val' | 'test';
}

interface Table {
  readonly rows: readonly Row[];
  /** For each column, the target last: value -> standardised value. */
  readonly scale: readonly ((value: number) => number)[];
}

const tables = new Map<string, Table>();

function loadTable(path: string, splitSeed: number): Table {
  const key = `${String(splitSeed)} ${path}`;
  const known = tables.get(key);
  if (known !== undefined) return known;
  const raw = JSON.parse(readFileSync(resolveDataPath(path), 'utf8')) as RawRow[];
  const complete = raw.filter((row) => row.Miles_per_Gallon !== null && row.Horsepower !== null);
  const rows = splitRows(complete, splitSeed);
  const training = rows.filter(({ split }) => split === 'train');
  const scale = Array.from({ length: featureCount + 1 }, (_, column) =>
    standardiser(training.map(({ values, mpg }) => values[column] ?? mpg)),
  );
  const table = { rows, scale };
  tables.set(key, table);
  return table;
}

function splitRows(raw: readonly RawRow[], seed: number): Row[] {
  const indices = { length: raw.length, get: (index: number) => index };
  const names = ['train', 'val', 'test'] as const;
  return randomSplit(indices, [0.7, 0.15, 0.15], seed).flatMap((part, which) =>
    Array.from({ length: part.length }, (_, position) =>
      toRow(raw[part.get(position) as number], names[which]),
    ),
  );
}

function toRow(raw: RawRow, split: Row['split']): Row {
  const numbers = numeric.map((column) => Number(raw[column]));
  const year = Number(raw.Year.slice(0, 4));
  const origin = places.map((place) => Number(raw.Origin === place));
  const values = [...numbers, year, ...origin];
  return { values, mpg: Number(raw.Miles_per_Gallon), origin: raw.Origin, split };
}

function standardiser(values: readonly number[]): (value: number) => number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const deviation = Math.sqrt(variance) || 1;
  return (value) => (value - mean) / deviation;
}
