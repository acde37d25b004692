import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { mergeConfig } from './merge.ts';
import { toSnake } from './names.ts';
import {
  emptyMap,
  fromPlain,
  isClassNode,
  withEntry,
  type ConfigNode,
  type MapNode,
} from './node.ts';
import { applyOverrides, splitKey, type Override } from './overrides.ts';
import { resolveReferences } from './references.ts';
import { readScalarText } from './scalarText.ts';
import { readYamlFile } from './yamlFile.ts';

/** Where the values of a configuration come from, weakest first. */
export interface ConfigLayers {
  /** Trainer options in code (camelCase), below everything else. */
  readonly trainerDefaults?: Readonly<Record<string, unknown>>;
  /** The configuration inside a checkpoint. */
  readonly embedded?: MapNode;
  /** YAML files, a later one over an earlier one; an object stands for a file (snake_case keys). */
  readonly files?: readonly (string | object)[];
  /** Environment variables; those named like `LIGHTBOX__TRAINER__MAX_EPOCHS` count. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Dotted overrides of the command line, in order. */
  readonly overrides?: readonly Override[];
  /** Folder that file names start from. */
  readonly cwd: string;
}

/** What variables that are part of the configuration begin with. */
export const environmentPrefix = 'LIGHTBOX__';

/**
 * Merges the layers of a configuration and resolves references.
 * @returns the tree as written: classes are not loaded, nothing is checked against schemas
 * @throws ConfigError for files that are missing or not YAML, and for bad references
 */
export function loadConfig(layers: ConfigLayers): MapNode {
  const parts: MapNode[] = [];
  if (layers.trainerDefaults !== undefined) parts.push(defaultsLayer(layers.trainerDefaults));
  if (layers.embedded !== undefined) parts.push(layers.embedded);
  for (const file of layers.files ?? []) parts.push(fileLayer(file, layers.cwd));
  const merged = parts.map(wrapArguments).reduce(mergeConfig, emptyMap({ kind: 'code' }));
  const fromEnvironment = environmentOverrides(layers.environment ?? {});
  const overridden = applyOverrides(merged, [...fromEnvironment, ...(layers.overrides ?? [])]);
  return resolveReferences(wrapArguments(overridden));
}

/** Overrides given in code: `{'trainer.max_epochs': 3}`. */
export function overridesFromObject(values: Readonly<Record<string, unknown>>): Override[] {
  return Object.entries(values).map(([key, value]) => ({
    path: splitKey(key, { kind: 'code' }),
    node: fromPlain(value, { kind: 'code' }),
  }));
}

function defaultsLayer(options: Readonly<Record<string, unknown>>): MapNode {
  const renamed = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [toSnake(key), value] as const);
  const trainer = fromPlain(Object.fromEntries(renamed), { kind: 'code' });
  return withEntry(emptyMap({ kind: 'code' }), 'trainer', {
    origin: { kind: 'code' },
    node: trainer,
  });
}

function fileLayer(file: string | object, cwd: string): MapNode {
  if (typeof file === 'string') return readYamlFile(resolve(cwd, file), file);
  const node = fromPlain(file, { kind: 'code' });
  if (node.kind === 'map') return node;
  throw new UsageError('ERR_CONFIG_TYPE', 'A configuration given in code must be a plain object.');
}

function environmentOverrides(
  environment: Readonly<Record<string, string | undefined>>,
): Override[] {
  return Object.entries(environment)
    .filter(([name, value]) => name.startsWith(environmentPrefix) && value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      const origin = { kind: 'environment', name } as const;
      const path = splitKey(name.slice(environmentPrefix.length).replaceAll('__', '.'), origin);
      const keys = path.map((key) => (typeof key === 'string' ? key.toLowerCase() : key));
      // Variables keep their names: `LIGHTBOX__ENVIRONMENT__WANDB_MODE` sets `WANDB_MODE`.
      const exact = keys[0] === 'environment' ? [keys[0], ...path.slice(1)] : keys;
      return { path: exact, node: readScalarText(value ?? '', origin) };
    });
}

/** `model: {hidden_dim: 5}` is short for `model: {init_args: {hidden_dim: 5}}`; same for data. */
function wrapArguments(layer: MapNode): MapNode {
  return ['model', 'data'].reduce((result, key) => {
    const entry = result.entries.get(key);
    if (entry === undefined) return result;
    return withEntry(result, key, { ...entry, node: wrap(entry.node) });
  }, layer);
}

function wrap(node: ConfigNode): ConfigNode {
  if (node.kind === 'scalar' && typeof node.value === 'string') {
    const entry = { origin: node.origin, node };
    return { kind: 'map', origin: node.origin, entries: new Map([['class_path', entry]]) };
  }
  if (node.kind !== 'map' || node.entries.size === 0) return node;
  if (isClassNode(node) || node.entries.has('init_args')) return node;
  return { ...node, entries: new Map([['init_args', { origin: node.origin, node }]]) };
}
