import {
  isClassNode,
  textAt,
  withEntry,
  withoutEntry,
  type ClassNode,
  type ConfigNode,
  type MapNode,
} from './node.ts';

/** True for names of variables that hold secrets: WANDB_API_KEY, HF_TOKEN, DB_PASSWORD, ... */
export function isSecretName(name: string): boolean {
  return /KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL/i.test(name) && !/TOKENIZERS?_/i.test(name);
}

/** Options of classes that hold secrets, by their exact name. */
const secretOptions = new Set(['api_key', 'password', 'access_token', 'auth_token', 'secret']);

/**
 * A copy of a configuration without secrets: such variables of the `environment` section and of
 * an EnvironmentCallback, and options called `api_key` and the like.
 */
export function withoutSecrets(tree: MapNode): MapNode {
  const clean = strip(tree) as MapNode;
  const environment = clean.entries.get('environment');
  if (environment?.node.kind !== 'map') return clean;
  return withEntry(clean, 'environment', {
    ...environment,
    node: stripVariables(environment.node),
  });
}

function strip(node: ConfigNode): ConfigNode {
  if (node.kind === 'list') return { ...node, items: node.items.map(strip) };
  if (node.kind !== 'map') return node;
  let result: MapNode = node;
  for (const [key, entry] of node.entries) {
    if (secretOptions.has(key)) result = withoutEntry(result, key);
    else result = withEntry(result, key, { ...entry, node: strip(entry.node) });
  }
  return isEnvironmentCallback(result) ? stripCallback(result) : result;
}

function stripCallback(node: MapNode): MapNode {
  const args = node.entries.get('init_args');
  if (args?.node.kind !== 'map') return node;
  const variables = args.node.entries.get('env_vars');
  if (variables?.node.kind !== 'map') return node;
  const stripped = { ...variables, node: stripVariables(variables.node) };
  return withEntry(node, 'init_args', {
    ...args,
    node: withEntry(args.node, 'env_vars', stripped),
  });
}

function stripVariables(map: MapNode): MapNode {
  const names = [...map.entries.keys()].filter(isSecretName);
  return names.reduce(withoutEntry, map);
}

/** True for the callback that sets variables. */
export function isEnvironmentCallback(node: ConfigNode): node is ClassNode {
  return isClassNode(node) && /(^|[.#])EnvironmentCallback$/.test(textAt(node, 'class_path') ?? '');
}
