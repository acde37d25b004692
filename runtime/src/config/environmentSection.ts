import { UsageError } from '../errors.ts';
import { isEnvironmentCallback } from './secrets.ts';
import { nodeAt, type ConfigNode, type MapNode } from './node.ts';

const [byNode, bySystem] = ['Node reads it when it starts', 'the system reads it when Node starts'];

/** Variables that are read before any configuration is: setting them here would do nothing. */
const readAtStart: Readonly<Record<string, string>> = {
  NODE_OPTIONS: byNode,
  NODE_PATH: byNode,
  NODE_DEBUG: byNode,
  NODE_EXTRA_CA_CERTS: byNode,
  NODE_ICU_DATA: byNode,
  NODE_NO_WARNINGS: byNode,
  NODE_PENDING_DEPRECATION: byNode,
  NODE_REDIRECT_WARNINGS: byNode,
  NODE_V8_COVERAGE: byNode,
  OPENSSL_CONF: byNode,
  UV_THREADPOOL_SIZE: "Node's threads are running by then",
  LD_LIBRARY_PATH: bySystem,
  LD_PRELOAD: bySystem,
  LD_AUDIT: bySystem,
  DYLD_LIBRARY_PATH: bySystem,
  DYLD_INSERT_LIBRARIES: bySystem,
  GLIBC_TUNABLES: bySystem,
  MALLOC_ARENA_MAX: bySystem,
  LIGHTBOX_ENGINE_TRACE: 'it is read before the configuration',
};

/**
 * The variables of the `environment` section and of every EnvironmentCallback; the section wins.
 * @throws UsageError ERR_CONFIG_ENVIRONMENT for variables that are read before
 */
export function environmentOf(tree: MapNode): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  const callbacks = nodeAt(tree, ['trainer', 'callbacks']);
  for (const callback of childrenOf(callbacks)) {
    if (!isEnvironmentCallback(callback)) continue;
    collect(nodeAt(callback, ['init_args', 'env_vars']), variables);
  }
  collect(nodeAt(tree, ['environment']), variables);
  for (const name of variables.keys()) refuseLate(name);
  return variables;
}

function refuseLate(name: string): void {
  const because = `environment.${name} would have no effect: `;
  if (name.startsWith('LIGHTBOX__')) {
    throw new UsageError(
      'ERR_CONFIG_ENVIRONMENT',
      `${because}such variables are part of the configuration, which is put together by then. ` +
        'Write the key itself into the configuration, or set the variable in the shell.',
    );
  }
  if (!Object.hasOwn(readAtStart, name)) return;
  throw new UsageError(
    'ERR_CONFIG_ENVIRONMENT',
    `${because}${readAtStart[name]}. Set it in the shell: ${name}=... npm run train.`,
  );
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
