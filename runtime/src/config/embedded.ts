import { deepFreeze, isPlainObject, type JsonObject } from '../core/json.ts';
import { UsageError } from '../errors.ts';
import {
  defaultOrigin,
  fromPlain,
  toPlain,
  withoutEntry,
  type ConfigNode,
  type Entry,
  type MapNode,
} from './node.ts';
import type { PreparedConfig } from './prepare.ts';
import { printConfig, provenance } from './printConfig.ts';
import { escapeReferences, unescapeReferences } from './references.ts';
import { secretValues, withoutSecrets } from './secrets.ts';

/** Key of an embedded configuration that says where its values came from. */
const provenanceKey = 'provenance';

/**
 * What a checkpoint keeps of a configuration: all values in effect, and where each that is not a
 * default came from. Without secrets, and without the checkpoint that the run itself went on from.
 */
export function embedConfig(config: PreparedConfig): JsonObject {
  const tree = withoutEntry(withoutSecrets(config.tree), 'ckpt_path');
  const values = toPlain(escapeReferences(tree)) as JsonObject;
  return deepFreeze({ ...values, [provenanceKey]: provenance(tree) });
}

/** What a trainer is given of a configuration for the files that it writes. */
export function configPorts(config: PreparedConfig) {
  return {
    config: embedConfig(config),
    configText: printConfig(withoutSecrets(config.tree)),
    secrets: secretValues(config.tree),
  };
}

/**
 * The configuration inside a checkpoint, as plain data with snake_case keys that can be loaded
 * again: text with `${...}` in it is escaped as `$${...}`.
 * @param checkpoint what `readCheckpoint` returned, or its `info`
 * @throws UsageError ERR_CHECKPOINT_NO_CONFIG when the run had none
 */
export function extractEmbeddedConfig(checkpoint: {
  readonly info?: { readonly config: unknown };
  readonly config?: unknown;
}): JsonObject {
  const config = checkpoint.info?.config ?? checkpoint.config;
  if (isPlainObject(config) && Object.keys(config).length > 0) {
    const { [provenanceKey]: _origins, ...values } = config as JsonObject;
    return values;
  }
  throw new UsageError(
    'ERR_CHECKPOINT_NO_CONFIG',
    'This checkpoint holds no configuration: its run was not started from one. Give --config.',
  );
}

/**
 * The same as a layer for `loadConfig`. What nobody wrote in that run is marked as a default.
 * @param file the checkpoint's path, for messages
 */
export function embeddedLayer(config: JsonObject, file: string): MapNode {
  const { [provenanceKey]: origins, ...values } = config;
  const written = isPlainObject(origins) ? Object.keys(origins) : undefined;
  const node = fromPlain(values, { kind: 'checkpoint', file });
  if (node.kind !== 'map') {
    throw new UsageError('ERR_CHECKPOINT_NO_CONFIG', `${file}: its configuration is not a map.`);
  }
  return written === undefined ? node : (markDefaults(node, '', new Set(written)) as MapNode);
}

/** What `embeddedLayer` gives, with the texts as the run had them: to be shown, not to be loaded. */
export function embeddedValues(config: JsonObject, file: string): MapNode {
  return unescapeReferences(embeddedLayer(config, file));
}

function markDefaults(node: ConfigNode, path: string, written: ReadonlySet<string>): ConfigNode {
  const below = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`);
  if (node.kind === 'map' && node.entries.size > 0) {
    const entries = [...node.entries].map(([key, entry]): [string, Entry] => [
      key,
      { ...entry, node: markDefaults(entry.node, below(key), written) },
    ]);
    return { ...node, entries: new Map(entries) };
  }
  if (node.kind === 'list' && node.items.length > 0) {
    const items = node.items.map((item, index) => markDefaults(item, below(index), written));
    return { ...node, items };
  }
  return written.has(path) ? node : { ...node, origin: defaultOrigin };
}
