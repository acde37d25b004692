import { holdsSecret, isSecretName, isSecretOption } from '../core/secrets.ts';
import {
  isClassNode,
  textAt,
  withEntry,
  withoutEntry,
  type ClassNode,
  type ConfigNode,
  type MapNode,
} from './node.ts';

/**
 * A copy of a configuration without secrets: such variables of the `environment` section and of
 * an EnvironmentCallback, options called `api_key` and the like, and whatever refers to them.
 */
export function withoutSecrets(tree: MapNode): MapNode {
  const clean = strip(tree, secretValues(tree)) as MapNode;
  const environment = clean.entries.get('environment');
  if (environment?.node.kind !== 'map') return clean;
  return withEntry(clean, 'environment', {
    ...environment,
    node: stripVariables(environment.node),
  });
}

/** The values of a configuration that must reach no file and no log. */
export function secretValues(tree: MapNode): string[] {
  const found = new Set<string>();
  const visit = (node: ConfigNode, areVariables: boolean): void => {
    if (node.kind === 'list') for (const item of node.items) visit(item, false);
    if (node.kind !== 'map') return;
    for (const [key, { node: value }] of node.entries) {
      const isSecret = isSecretOption(key) || (areVariables && isSecretName(key));
      if (isSecret && value.kind === 'scalar' && value.value !== null) {
        found.add(String(value.value)).add(value.source ?? String(value.value));
      }
      visit(value, key === 'env_vars' || (node === tree && key === 'environment'));
    }
  };
  visit(tree, false);
  return [...found];
}

function strip(node: ConfigNode, secrets: readonly string[]): ConfigNode {
  const isOpen = (item: ConfigNode): boolean =>
    item.kind !== 'scalar' || !holdsSecret(item.value, secrets);
  if (node.kind === 'list') {
    return { ...node, items: node.items.filter(isOpen).map((item) => strip(item, secrets)) };
  }
  if (node.kind !== 'map') return node;
  let result: MapNode = node;
  for (const [key, entry] of node.entries) {
    if (isSecretOption(key) || !isOpen(entry.node)) result = withoutEntry(result, key);
    else result = withEntry(result, key, { ...entry, node: strip(entry.node, secrets) });
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
