import { deepFreeze, isPlainObject, type JsonObject } from '../core/json.ts';
import { UsageError } from '../errors.ts';
import { fromPlain, toPlain, withoutEntry, type MapNode } from './node.ts';
import type { PreparedConfig } from './prepare.ts';
import { provenance } from './printConfig.ts';
import { withoutSecrets } from './secrets.ts';

/** Key of an embedded configuration that says where its values came from. */
const provenanceKey = 'provenance';

/**
 * What a checkpoint keeps of a configuration: all values in effect, and where each that is not a
 * default came from. Without secrets, and without the checkpoint that the run itself went on from.
 */
export function embedConfig(config: PreparedConfig): JsonObject {
  const tree = withoutEntry(withoutSecrets(config.tree), 'ckpt_path');
  const values = toPlain(tree) as JsonObject;
  return deepFreeze({ ...values, [provenanceKey]: provenance(tree) });
}

/**
 * The configuration inside a checkpoint, as plain data with snake_case keys.
 * @param checkpoint what `readCheckpoint` returned, or its `info`
 * @throws UsageError ERR_CHECKPOINT_NO_CONFIG when the run had none
 */
export function extractEmbeddedConfig(checkpoint: {
  readonly info?: { readonly config: unknown };
  readonly config?: unknown;
}): JsonObject {
  const config = checkpoint.info?.config ?? checkpoint.config;
  if (isPlainObject(config) && Object.keys(config).length > 0) {
    const values = { ...config } as JsonObject;
    delete values[provenanceKey];
    return values;
  }
  throw new UsageError(
    'ERR_CHECKPOINT_NO_CONFIG',
    'This checkpoint holds no configuration: its run was not started from one. Give --config.',
  );
}

/** The same as a layer for `loadConfig`. @param file the checkpoint's path, for messages */
export function embeddedLayer(config: JsonObject, file: string): MapNode {
  const node = fromPlain(config, { kind: 'checkpoint', file });
  if (node.kind === 'map') return node;
  throw new UsageError('ERR_CHECKPOINT_NO_CONFIG', `${file}: its configuration is not a map.`);
}
