import * as tf from '@tensorflow/tfjs-core';
import { buildModule } from '../core/buildModule.ts';
import { fnmatch } from '../core/fnmatch.ts';
import type { NamedParameter } from '../core/parameters.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { didYouMean, UsageError } from '../errors.ts';
import { Rng } from '../random/index.ts';
import { readWeights, type SourceTensor } from './foreignWeights.ts';
import { readCheckpoint } from './readCheckpoint.ts';

/** How names and shapes of a file become those of a module. */
export interface LoadWeightsOptions {
  /**
   * Beginnings of names and what replaces them (`{ 'encoder.': 'backbone.' }`; the longest that
   * fits counts), or a function; null leaves a tensor out. Before that, `/` became `.`, and the
   * `model/` of this package's checkpoints went away.
   */
  readonly map?: Readonly<Record<string, string | null>> | ((name: string) => string | null);
  /** Throw unless every parameter and every tensor found its counterpart. Default: true. */
  readonly strict?: boolean;
  /** Patterns on parameter names whose matrices are transposed: PyTorch's `[out, in]`. */
  readonly transpose?: readonly string[];
}

/** What `loadWeights` did. */
export interface LoadWeightsReport {
  readonly loaded: readonly string[];
  /** Parameters that the file has nothing for. */
  readonly missing: readonly string[];
  /** Tensors that the module has no parameter for, by their mapped names. */
  readonly unexpected: readonly string[];
  /** Parameters whose tensor has another shape, in words. */
  readonly mismatched: readonly string[];
}

/**
 * Puts the weights of a safetensors file or a tfjs LayersModel (`model.json`) into a module.
 * Layers must be built. Nothing is changed when it throws.
 * @throws UsageError ERR_WEIGHTS_STRICT listing all that does not fit, ERR_WEIGHTS_FILE
 */
export async function loadWeights(
  module: Pick<TrainModule, 'parameters'>,
  path: string,
  { map = {}, strict = true, transpose = [] }: LoadWeightsOptions = {},
): Promise<LoadWeightsReport> {
  const parameters = module.parameters();
  const turned = transpose.map((pattern) => fnmatch(pattern));
  const sources = new Map<string, SourceTensor>();
  for (const tensor of await readWeights(path)) {
    const name = mapped(tensor.name, map);
    if (name === null) continue;
    const turns = tensor.shape.length === 2 && turned.some((test) => test(name));
    sources.set(name, turns ? transposed(tensor) : tensor);
  }
  const { report, fitting } = match(parameters, sources);
  const wrong = report.missing.length + report.unexpected.length + report.mismatched.length;
  if (strict && wrong > 0) throw strictError(path, report);
  for (const [{ variable }, { data }] of fitting) {
    const value = tf.tensor(data, variable.shape, 'float32');
    variable.assign(variable.dtype === 'float32' ? value : value.cast(variable.dtype));
    value.dispose();
  }
  return report;
}

/**
 * A module as it was saved: made from the constructor's options in the checkpoint (`hparams`),
 * with its weights.
 * @param overrides options that replace saved ones
 * @throws UsageError ERR_CHECKPOINT_MODULE when the file is the checkpoint of another class
 */
export async function loadFromCheckpoint<Module extends TrainModule, Options>(
  type: new (options: Options) => Module,
  path: string,
  overrides: Partial<Options> = {},
): Promise<Module> {
  const { state } = await readCheckpoint(path);
  const { name, hparams } = (state.module ?? {}) as { name?: string; hparams?: object };
  if (name !== type.name) {
    throw new UsageError(
      'ERR_CHECKPOINT_MODULE',
      `${path} holds a ${name ?? 'module of unknown class'}, expected ${type.name}. For the weights alone use loadWeights.`,
    );
  }
  const module = new type({ ...hparams, ...overrides } as Options);
  // Layers that are built late have weights to load into only then.
  buildModule(module, Rng.fromSeed(0));
  await loadWeights(module, path);
  return module;
}

/** Tensors of this package's checkpoints that are no weights. */
function isOther(name: string): boolean {
  return /^((optim|grad|ema|swa|callback|rng|batch)\/|lightbox\.)/.test(name);
}

function mapped(name: string, map: NonNullable<LoadWeightsOptions['map']>): string | null {
  if (isOther(name)) return null;
  const plain = name.replace(/^model\//, '').replaceAll('/', '.');
  if (typeof map === 'function') return map(plain);
  const prefixes = Object.keys(map).filter((prefix) => plain.startsWith(prefix));
  const longest = prefixes.toSorted((a, b) => b.length - a.length).at(0);
  if (longest === undefined) return plain;
  const replacement = map[longest];
  return replacement === null ? null : replacement + plain.slice(longest.length);
}

function transposed({ name, shape: [rows, columns], data }: SourceTensor): SourceTensor {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = data[row * columns + column];
    }
  }
  return { name, shape: [columns, rows], data: turned };
}

function match(parameters: readonly NamedParameter[], sources: ReadonlyMap<string, SourceTensor>) {
  const fitting: [NamedParameter, SourceTensor][] = [];
  const missing: string[] = [];
  const mismatched: string[] = [];
  for (const parameter of parameters) {
    const source = sources.get(parameter.name);
    const { shape } = parameter.variable;
    if (source === undefined) missing.push(parameter.name);
    else if (source.shape.join() === shape.join()) fitting.push([parameter, source]);
    else {
      mismatched.push(
        `${parameter.name} is [${shape.join(', ')}], in the file [${source.shape.join(', ')}]`,
      );
    }
  }
  const names = new Set(parameters.map(({ name }) => name));
  const unexpected = [...sources.keys()].filter((name) => !names.has(name));
  const loaded = fitting.map(([{ name }]) => name);
  const report: LoadWeightsReport = { loaded, missing, unexpected, mismatched };
  return { report, fitting };
}

function strictError(path: string, report: LoadWeightsReport): UsageError {
  const { missing, unexpected, mismatched } = report;
  const lines = [
    ...missing.map((name) => `missing: ${name}${didYouMean(name, [...unexpected])}`),
    ...unexpected.map((name) => `unexpected: ${name}`),
    ...mismatched.map((text) => `other shape: ${text}`),
  ];
  return new UsageError(
    'ERR_WEIGHTS_STRICT',
    `${path} does not fit the module:\n  ${lines.slice(0, 20).join('\n  ')}` +
      `${lines.length > 20 ? `\n  and ${String(lines.length - 20)} more` : ''}\n` +
      'Give map: { "prefix in the file": "prefix in the module" }, transpose for matrices of ' +
      'PyTorch, or strict: false to load what fits.',
  );
}
