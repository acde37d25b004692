import { UsageError } from '../errors.ts';
import { isEnvironmentCallback } from './secrets.ts';
import { nodeAt, type ConfigNode, type MapNode } from './node.ts';

/** Variables that are read before any configuration is: setting them here would do nothing. */
const readAtStart: Readonly<Record<string, string>> = {
  NODE_OPTIONS: 'Node reads it when it starts',
  NODE_PATH: 'Node reads it when it starts',
  LD_LIBRARY_PATH: 'the system reads it when Node starts',
  LD_PRELOAD: 'the system reads it when Node starts',
};

/**
 * The variables of the `environment` section and of every EnvironmentCallback; the section wins.
 * @throws UsageError ERR_CONFIG_ENVIRONMENT for variables that must be set before Node starts
 */
export function environmentOf(tree: MapNode): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  const callbacks = nodeAt(tree, ['trainer', 'callbacks']);
  for (const callback of childrenOf(callbacks)) {
    if (!isEnvironmentCallback(callback)) continue;
    collect(nodeAt(callback, ['init_args', 'env_vars']), variables);
  }
  collect(nodeAt(tree, ['environment']), variables);
  for (const name of variables.keys()) {
    if (!Object.hasOwn(readAtStart, name)) continue;
    throw new UsageError(
      'ERR_CONFIG_ENVIRONMENT',
      `environment.${name} would have no effect: ${readAtStart[name]}. ` +
        `Set it in the shell: ${name}=... npm run train.`,
    );
  }
  return variables;
}

function collect(node: ConfigNode | undefined, into: Map<string, string>): void {
  if (node?.kind !== 'map') return;
  for (const [name, { node: value }] of node.entries) {
    if (value.kind === 'scalar' && value.value !== null) {
      into.set(name, value.source ?? String(value.value));
    }
  }
}

function childrenOf(node: ConfigNode | undefined): ConfigNode[] {
  if (node === undefined) return [];
  if (node.kind === 'list') return [...node.items];
  if (node.kind !== 'map') return [];
  return [node, ...[...node.entries.values()].map((entry) => entry.node)];
}
