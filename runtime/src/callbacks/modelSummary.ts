import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import type { NamedParameter } from '../core/parameters.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import type { TrainModule } from '../core/trainModule.ts';

const schema = z.strictObject({
  maxRows: z.int().positive().default(40).describe('Rows shown before the rest is summed up.'),
});

export type ModelSummaryOptions = z.input<typeof schema>;

/** Prints a table of the module's weights at the start of a fit. */
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

/** The table as lines: name, type, shapes, number of weights, trainable; then totals. */
export function summarize(module: TrainModule, maxRows = 40): string[] {
  const parameters = module.parameters();
  const rows = layerRows(parameters);
  const shown = rows.slice(0, maxRows);
  const hidden = rows.length - shown.length;
  const total = sum(parameters);
  const trainable = sum(parameters.filter((parameter) => parameter.trainable));
  const shapes = shapeLine(module);
  return [
    module.constructor.name,
    ...table([['name', 'type', 'shapes', 'weights', 'trainable'], ...shown]),
    ...(hidden > 0 ? [`  and ${String(hidden)} more`] : []),
    ...(shapes === null ? [] : [`  ${shapes}`]),
    `  ${grouped(total)} weights, ${grouped(trainable)} trainable, ${megabytes(total)}`,
  ];
}

/** One row for each layer: parameters that share the name up to the last dot. */
function layerRows(parameters: readonly NamedParameter[]): string[][] {
  const layers = new Map<string, NamedParameter[]>();
  for (const parameter of parameters) {
    const own = parameter.owner === 'Variable';
    const layer = own ? parameter.name : parameter.name.slice(0, parameter.name.lastIndexOf('.'));
    layers.set(layer, [...(layers.get(layer) ?? []), parameter]);
  }
  return [...layers].map(([name, members]) => {
    const free = members.filter(({ trainable }) => trainable).length;
    return [
      name,
      members[0].owner,
      members.map(({ variable }) => variable.shape.join('x') || 'scalar').join(' '),
      grouped(sum(members)),
      free === members.length ? 'yes' : free === 0 ? 'no' : 'partly',
    ];
  });
}

function shapeLine(module: TrainModule): string | null {
  if (module.exampleInput === undefined) return null;
  return tf.tidy(() => {
    const input = module.exampleInput?.();
    const output = module.forward(input);
    return `input ${shapesOf(input)} -> output ${shapesOf(output)}`;
  });
}

function shapesOf(value: unknown): string {
  if (value instanceof tf.Tensor) return `[${(value as tf.Tensor).shape.join(', ')}]`;
  if (Array.isArray(value)) return value.map(shapesOf).join(' ');
  return typeof value;
}

/** Aligned columns; the two last but one are numbers and lean right. */
function table(rows: readonly string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 3 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
    );
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
