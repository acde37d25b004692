import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import type { NamedParameter } from '../core/parameters.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { observeLayers, shapesOf, type ObservedLayer } from './layerShapes.ts';

const schema = z.strictObject({
  maxRows: z.int().positive().default(40).describe('Rows shown before the rest is summed up.'),
});

export type ModelSummaryOptions = z.input<typeof schema>;

/**
 * Prints a table of the module's layers and weights at the start of a fit. With `exampleInput()` it
 * has the shapes of what each layer gets and gives, and an input that does not fit is an error
 * before any batch is loaded.
 */
export class ModelSummary implements Callback {
  static readonly schema = schema;
  readonly #maxRows: number;

  constructor(options: ModelSummaryOptions = {}) {
    this.#maxRows = parseOptions(schema, options, 'ModelSummary').maxRows;
  }

  onFitStart({ module, terminal }: TrainerContext): void {
    for (const line of summarize(module, this.#maxRows)) terminal.line(line);
  }
}

/**
 * The table as lines: name, type, shapes of weights, number of weights, trainable, and of a module
 * with `exampleInput()` shapes in and out; then totals.
 */
export function summarize(module: TrainModule, maxRows = 40): string[] {
  const parameters = module.parameters();
  const observed = observe(module);
  const rows = summaryRows(parameters, observed?.layers ?? []);
  const shown = rows.slice(0, maxRows);
  const hidden = rows.length - shown.length;
  const total = sum(parameters);
  const trainable = sum(parameters.filter((parameter) => parameter.trainable));
  const titles = ['name', 'type', 'shapes', 'weights', 'trainable', 'in', 'out'];
  return [
    module.constructor.name,
    ...table([titles, ...shown]),
    ...(hidden > 0 ? [`  and ${String(hidden)} more`] : []),
    ...(observed === null ? [] : [`  input ${observed.input} -> output ${observed.output}`]),
    `  ${grouped(total)} weights, ${grouped(trainable)} trainable, ${megabytes(total)}`,
  ];
}

interface Observed {
  readonly layers: readonly ObservedLayer[];
  readonly input: string;
  readonly output: string;
}

function observe(module: TrainModule): Observed | null {
  if (module.exampleInput === undefined) return null;
  return withoutTensors(() => {
    const input = module.exampleInput?.();
    let output: unknown;
    const layers = observeLayers(module, () => {
      output = module.forward(input);
    });
    return { layers, input: shapesOf(input), output: shapesOf(output) };
  });
}

/** Runs `body`, whose tensors are disposed; it returns none. */
function withoutTensors<T>(body: () => T): T {
  let result: { readonly value: T } | undefined;
  tf.tidy(() => {
    result = { value: body() };
  });
  return (result as unknown as { readonly value: T }).value;
}

/** One row for each layer, module that was called, and variable in a field. */
function summaryRows(
  parameters: readonly NamedParameter[],
  observed: readonly ObservedLayer[],
): string[][] {
  const weights = byLayer(parameters);
  const rows = new Map<string, string[]>();
  for (const { name, type, isModule, input, output } of observed) {
    const members = weights.get(name) ?? [];
    if (input === null && members.length === 0) continue;
    const middle = isModule ? ['', '', ''] : weightCells(members);
    rows.set(name, [name, type, ...middle, input ?? '', output ?? '']);
  }
  // Without an example input, and for variables that belong to no layer.
  for (const [name, members] of weights) {
    if (!rows.has(name)) rows.set(name, [name, members[0].owner, ...weightCells(members), '', '']);
  }
  return inOrder([...rows.values()], parameters);
}

/** Parameters that share the name up to the last dot; variables in fields are on their own. */
function byLayer(parameters: readonly NamedParameter[]): Map<string, NamedParameter[]> {
  const layers = new Map<string, NamedParameter[]>();
  for (const parameter of parameters) {
    const { name, owner } = parameter;
    const layer = owner === 'Variable' ? name : name.slice(0, name.lastIndexOf('.'));
    layers.set(layer, [...(layers.get(layer) ?? []), parameter]);
  }
  return layers;
}

/** Puts variables where their field is: both lists follow the fields, but only one has them. */
function inOrder(rows: string[][], parameters: readonly NamedParameter[]): string[][] {
  const position = new Map(parameters.map(({ name }, index) => [name, index]));
  const variables = rows.filter(([name]) => position.has(name));
  const others = rows.filter(([name]) => !position.has(name));
  const first = ([name]: string[]): number =>
    parameters.findIndex((parameter) => parameter.name.startsWith(`${name}.`));
  const ordered: string[][] = [];
  for (const row of others) {
    const at = first(row);
    while (at !== -1 && variables.length > 0 && (position.get(variables[0][0]) ?? 0) < at) {
      ordered.push(...variables.splice(0, 1));
    }
    ordered.push(row);
  }
  return [...ordered, ...variables];
}

function weightCells(members: readonly NamedParameter[]): string[] {
  const free = members.filter(({ trainable }) => trainable).length;
  return [
    members.map(({ variable }) => variable.shape.join('x') || 'scalar').join(' '),
    grouped(sum(members)),
    members.length === 0 ? '' : free === members.length ? 'yes' : free === 0 ? 'no' : 'partly',
  ];
}

/** Aligned columns, numbers to the right; columns that are empty but for their title are left out. */
function table(rows: readonly string[][]): string[] {
  const columns = rows[0]
    .map((_, column) => column)
    .filter((column) => rows.slice(1).some((row) => row[column] !== ''));
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column].length));
  const widths = new Map(columns.map((column) => [column, widthOf(column)]));
  return rows.map((row) => {
    const cells = columns.map((column) => {
      const width = widths.get(column) ?? 0;
      return column === 3 ? row[column].padStart(width) : row[column].padEnd(width);
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
}

function sum(parameters: readonly NamedParameter[]): number {
  return parameters.reduce((total, { variable }) => total + variable.size, 0);
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(weights: number): string {
  return `${(weights * 4e-6).toFixed(weights > 2.5e6 ? 0 : 2)} MB`;
}
